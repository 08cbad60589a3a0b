/** What the shop sells. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
}

export const PRODUCTS: readonly Product[] = [
  { id: 'p1', name: 'Enamel mug', priceCents: 1200 },
  { id: 'p2', name: 'Wool blanket', priceCents: 8900 },
  { id: 'p3', name: 'Brass lamp', priceCents: 6400 },
];

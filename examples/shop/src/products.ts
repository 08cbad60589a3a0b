/** What the shop sells. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
}

const FIRST: readonly Product[] = [
  { id: 'p1', name: 'Enamel mug', priceCents: 1200 },
  { id: 'p2', name: 'Wool blanket', priceCents: 8900 },
  { id: 'p3', name: 'Brass lamp', priceCents: 6400 },
];

/** The table of products. */
export interface ProductTable {
  all(): Promise<readonly Product[]>;
  byId(id: string): Promise<Product | undefined>;
  /** The row as it is then; undefined where there is none. */
  setPrice(id: string, priceCents: number): Promise<Product | undefined>;
}

/** Stands in for a database: it is this process's alone, and its prices end with it. */
export function createProductTable(): ProductTable {
  const rows = new Map(FIRST.map((product) => [product.id, product]));
  return {
    all: async () => [...rows.values()],
    byId: async (id) => rows.get(id),
    async setPrice(id, priceCents) {
      const row = rows.get(id);
      if (row === undefined) return undefined;
      const changed = { ...row, priceCents };
      rows.set(id, changed);
      return changed;
    },
  };
}

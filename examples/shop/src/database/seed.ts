import { accountRows } from '../accounts/credentials.ts';
import type { Queries } from './database.ts';

interface Wares {
  readonly category: string;
  readonly nouns: readonly string[];
}

const WARES: readonly Wares[] = [
  { category: 'kitchen', nouns: ['mug', 'teapot', 'pan', 'bowl', 'knife', 'board', 'kettle', 'jar'] },
  { category: 'bedroom', nouns: ['blanket', 'pillow', 'quilt', 'sheet', 'throw', 'rug', 'curtain', 'hamper'] },
  { category: 'lighting', nouns: ['lamp', 'lantern', 'sconce', 'candle', 'pendant', 'torch', 'bulb', 'shade'] },
  { category: 'garden', nouns: ['spade', 'rake', 'pot', 'hose', 'trowel', 'bench', 'basket', 'gloves'] },
  { category: 'desk', nouns: ['notebook', 'pen', 'ruler', 'tray', 'stapler', 'clock', 'globe', 'folder'] },
];

const MATERIALS = ['Enamel', 'Wool', 'Brass', 'Oak', 'Linen', 'Copper', 'Stone'];

/** What the first rows are, so that examples can name them. */
const FIRST = [
  { name: 'Enamel mug', category: 'kitchen', priceCents: 1200, stock: 500 },
  { name: 'Wool blanket', category: 'bedroom', priceCents: 8900, stock: 120 },
  { name: 'Brass lamp', category: 'lighting', priceCents: 6400, stock: 40 },
];

/** The same few hundred products each time, and the accounts of the examples. What is there already stays as it is. */
export async function seed(tx: Queries): Promise<void> {
  for (const { email, role, salt, hash } of await accountRows()) {
    await tx.query(
      `insert into accounts (email, role, password_salt, password_hash) values ($1, $2, $3, $4)
       on conflict (email) do nothing`,
      [email, role, salt, hash],
    );
  }
  const rows = products();
  await tx.query(
    `insert into products (id, name, category, description, price_cents, stock)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[])
     on conflict (id) do nothing`,
    [
      rows.map(({ id }) => id),
      rows.map(({ name }) => name),
      rows.map(({ category }) => category),
      rows.map(({ description }) => description),
      rows.map(({ priceCents }) => priceCents),
      rows.map(({ stock }) => stock),
    ],
  );
}

function products() {
  const made = WARES.flatMap(({ category, nouns }) =>
    nouns.flatMap((noun, n) =>
      MATERIALS.map((material, m) => ({
        name: `${material} ${noun}`,
        category,
        priceCents: 900 + ((n * 7 + m * 13) % 90) * 100,
        stock: (n * 5 + m * 11) % 60,
      })),
    ),
  );
  const named = new Set(FIRST.map(({ name }) => name));
  return [...FIRST, ...made.filter(({ name }) => !named.has(name))].map((product, n) => ({
    ...product,
    id: `p${n + 1}`,
    description: `${product.name}, for the ${product.category}. Made to be used every day.`,
  }));
}

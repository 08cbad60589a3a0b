create table accounts (
  email text primary key,
  role text not null check (role in ('customer', 'admin')),
  password_salt bytea not null,
  password_hash bytea not null
);

create table products (
  id text primary key,
  name text not null,
  category text not null,
  description text not null,
  price_cents integer not null check (price_cents between 1 and 10000000),
  stock integer not null check (stock >= 0)
);
create index products_by_category on products (category, id);

-- One order for each thing that was asked for: whatever Redis has lost, the second insert fails.
create table orders (
  id uuid primary key default gen_random_uuid(),
  idempotency_id text not null unique,
  email text not null references accounts,
  product_id text not null references products,
  quantity integer not null check (quantity between 1 and 100),
  total_cents integer not null,
  placed_at timestamptz not null default now()
);
create index orders_by_account on orders (email, placed_at desc);

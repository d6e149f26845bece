-- The sample database of the local stack: purchases of a shop that keeps several organizations in one table.
CREATE TABLE purchases (
  organization_id text NOT NULL,
  id text NOT NULL,
  invoice text,
  status text,
  purchased_at timestamptz NOT NULL,
  stock_code text,
  description text,
  quantity integer,
  unit_price numeric,
  currency text,
  customer_id text,
  country text,
  PRIMARY KEY (organization_id, purchased_at, id)
);

-- The sample database of the local stack in MariaDB: the audience and the purchases of several organizations.
CREATE TABLE IF NOT EXISTS audience (
  organization_id varchar(256) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status enum('pending', 'subscribed', 'unsubscribed', 'bounced'),
  name varchar(200),
  email varchar(254),
  phone varchar(32),
  city varchar(100),
  country_locale varchar(16),
  subscribed_at datetime(3) NOT NULL,
  unsubscribed_at datetime(3),
  is_customer boolean,
  tags set('news', 'offers', 'events'),
  annual_income decimal(12, 2),
  PRIMARY KEY (organization_id, subscribed_at, id)
);

CREATE TABLE IF NOT EXISTS purchases (
  organization_id varchar(256) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  invoice varchar(32),
  status enum('pending', 'completed', 'canceled', 'refunded'),
  purchased_at datetime NOT NULL,
  stock_code varchar(32),
  description varchar(200),
  quantity integer,
  -- A decimal has zeros at its end, unlike the same price in DynamoDB.
  unit_price double,
  currency char(3),
  customer_id varchar(32),
  country varchar(100),
  PRIMARY KEY (organization_id, purchased_at, id)
);

-- After the rows: checking once beats checking 60,000 times.
SET ROLE shop_admin;
CREATE UNIQUE INDEX customers_email ON customers (email);
CREATE INDEX orders_customer ON orders (customer_id);
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE order_lines ADD FOREIGN KEY (order_id) REFERENCES orders, ADD FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE support_tickets ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE employees ADD FOREIGN KEY (manager_id) REFERENCES employees;
CREATE MATERIALIZED VIEW monthly_revenue AS
    SELECT date_trunc('month', paid_at) AS month, sum(amount) AS revenue FROM payments GROUP BY 1;
GRANT SELECT ON monthly_revenue TO shop_ro;
RESET ROLE;
ANALYZE;

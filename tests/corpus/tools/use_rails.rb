# Rails' ActiveRecord: schema, reads, writes, transactions, locks, a migration's advisory lock.
# Run by a ruby with the gems activerecord and pg.

require "active_record"

ActiveRecord::Base.establish_connection(
  adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: ENV["PGUSER"],
  password: ENV["PGPASSWORD"], database: ENV["PGDATABASE"]
)

class Customer < ActiveRecord::Base
  has_many :orders
end

class Order < ActiveRecord::Base
  belongs_to :customer, optional: true
  has_many :lines, class_name: "OrderLine"
end

class OrderLine < ActiveRecord::Base
  belongs_to :order
end

db = ActiveRecord::Base.connection
db.tables
db.views
db.data_sources
db.columns("orders")
db.indexes("orders")
db.foreign_keys("orders")
db.primary_keys("orders")
db.check_constraints("orders") if db.respond_to?(:check_constraints)
db.table_comment("orders")
db.extensions
db.enum_types if db.respond_to?(:enum_types)
db.schema_names
db.current_database
db.encoding
db.collation

Order.find_by(id: 1)
Order.where(status: %w[new paid]).order(id: :desc).limit(3).to_a
Order.where.not(status: nil).where("total > ?", 3).pluck(:id, :status)
Order.joins(:lines).group(:status).count
Order.includes(:lines).where(order_lines: { product: "x" }).references(:order_lines).to_a
Order.includes(:lines).limit(2).to_a
Order.left_joins(:lines).distinct.count(:customer_id)
Order.where(id: 1..9).sum(:total)
Order.exists?(status: "new")
Order.where(status: "new").explain.inspect
Order.find_each(batch_size: 2) { |order| order }
Order.where(id: Order.where(status: "new").select(:id)).average(:total)

ActiveRecord::Base.transaction do
  Customer.create!(id: 90, name: "x")
  order = Order.create!(id: 90, customer_id: 90, total: 3, status: "new")
  order.update!(status: "paid")
  order.touch rescue nil
  order.lock!
  Order.upsert_all([{ id: 90, customer_id: 90, status: "new" }])
  Order.insert_all([{ id: 91, customer_id: 90 }])
  Order.where(id: 90).update_all("total = total + 1")
  ActiveRecord::Base.transaction(requires_new: true) { order.reload }
  order.destroy!
  Order.where(customer_id: 90).delete_all
  raise ActiveRecord::Rollback
end

db.get_advisory_lock(4711)
db.release_advisory_lock(4711)

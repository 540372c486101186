// Sequelize, TypeORM, Knex and Drizzle on node-postgres: introspection, reads, writes, transactions.
// Run by node with these packages in NODE_PATH.

const { Sequelize, DataTypes, Op } = require("sequelize");
const { DataSource, EntitySchema } = require("typeorm");
const knexOf = require("knex");
const { Pool } = require("pg");
const { drizzle } = require("drizzle-orm/node-postgres");
const { pgTable, integer, text, numeric } = require("drizzle-orm/pg-core");
const { eq, and, gt, inArray, desc, count, sql } = require("drizzle-orm");

const where = {
  host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER,
  password: process.env.PGPASSWORD, database: process.env.PGDATABASE,
};

async function sequelize() {
  const db = new Sequelize(where.database, where.user, where.password, { ...where, dialect: "postgres", logging: false });
  await db.authenticate();
  const options = { timestamps: false, underscored: true };
  const Order = db.define("orders", { customerId: DataTypes.INTEGER, total: DataTypes.DECIMAL, status: DataTypes.TEXT }, options);
  const Line = db.define("order_lines", { orderId: { type: DataTypes.INTEGER, primaryKey: true }, line: DataTypes.INTEGER, product: DataTypes.TEXT, price: DataTypes.DECIMAL }, options);
  Order.hasMany(Line, { foreignKey: "orderId", as: "lines" });
  await Order.findByPk(1);
  await Order.findAll({ where: { status: { [Op.iLike]: "n%" }, total: { [Op.between]: [1, 9] } }, include: "lines", order: [["id", "DESC"]], limit: 5 });
  await Order.findAndCountAll({ where: { id: [1, 2, 3] }, offset: 2, limit: 2 });
  await Order.findAll({ attributes: ["status", [db.fn("count", db.col("id")), "n"]], group: ["status"], having: db.literal("count(id) > 1") });
  await Order.sum("total", { where: { status: "new" } });
  await db.getQueryInterface().describeTable("orders");
  await db.getQueryInterface().showAllTables();
  await db.getQueryInterface().showIndex("orders");
  await db.getQueryInterface().getForeignKeyReferencesForTable("orders");
  await db.transaction(async (transaction) => {
    await db.query("insert into customers (id, name) values (1, 'x') on conflict do nothing", { transaction });
    const made = await Order.create({ id: 50, customerId: 1, total: 3, status: "new" }, { transaction });
    await made.update({ status: "paid" }, { transaction });
    await Order.upsert({ id: 50, customerId: 1, total: 4, status: "new" }, { transaction });
    await Order.bulkCreate([{ id: 51, customerId: 1 }, { id: 52, customerId: 1 }], { transaction, ignoreDuplicates: true });
    await Order.increment("total", { by: 1, where: { id: 50 }, transaction });
    await Order.findOne({ where: { id: 50 }, lock: true, skipLocked: true, transaction });
    await Order.destroy({ where: { id: [50, 51, 52] }, transaction });
  });
  await db.close();
}

async function typeorm() {
  const Order = new EntitySchema({
    name: "Order", tableName: "orders",
    columns: { id: { type: Number, primary: true }, customer_id: { type: Number }, total: { type: "numeric", nullable: true }, status: { type: "text", nullable: true } },
  });
  const db = new DataSource({ type: "postgres", ...where, username: where.user, entities: [Order] });
  await db.initialize();
  const orders = db.getRepository("Order");
  await orders.findOneBy({ id: 1 });
  await orders.find({ where: { status: "new" }, order: { id: "ASC" }, skip: 1, take: 2 });
  await orders.findAndCount({ where: [{ status: "new" }, { total: 3 }] });
  await orders.createQueryBuilder("o").select("o.status", "status").addSelect("sum(o.total)", "sum").where("o.id > :id", { id: 1 }).groupBy("o.status").getRawMany();
  await orders.exists({ where: { id: 1 } });
  const runner = db.createQueryRunner();
  await runner.getTable("orders");
  await runner.getTables(["public.orders", "public.order_lines"]);
  await runner.getViews([]);
  await runner.hasColumn("orders", "status");
  await runner.release();
  await db.transaction(async (manager) => {
    await manager.save("Order", { id: 60, customer_id: 1, total: 3, status: "new" });
    await manager.save("Order", { id: 60, customer_id: 1, total: 4, status: "new" });
    await manager.update("Order", { id: 60 }, { status: "paid" });
    await manager.delete("Order", { id: 60 });
  });
  await db.driver.createSchemaBuilder().log();
  await db.destroy();
}

async function knex() {
  const db = knexOf({ client: "pg", connection: where });
  await db("orders").where("id", 1).first();
  await db("orders as o").leftJoin("order_lines as l", "l.order_id", "o.id").select("o.id", "l.product").whereIn("o.status", ["new"]).orderBy("o.id").limit(3);
  await db("orders").count("* as n").groupBy("status").select("status");
  await db.with("big", db("orders").where("total", ">", 5)).select("*").from("big");
  await db("orders").columnInfo();
  await db.schema.hasTable("orders");
  await db.schema.hasColumn("orders", "status");
  await db.transaction(async (trx) => {
    await trx("orders").insert({ id: 70, customer_id: 1, status: "new" }).returning("id");
    await trx("orders").where({ id: 70 }).update({ status: "paid" });
    await trx("orders").where({ id: 70 }).forUpdate().first();
    await trx("orders").where({ id: 70 }).del();
  });
  await db.destroy();
}

async function drizzled() {
  const pool = new Pool(where);
  const db = drizzle(pool);
  const orders = pgTable("orders", { id: integer("id").primaryKey(), customerId: integer("customer_id"), total: numeric("total"), status: text("status") });
  const lines = pgTable("order_lines", { orderId: integer("order_id"), product: text("product") });
  await db.select().from(orders).where(and(eq(orders.status, "new"), gt(orders.id, 1))).orderBy(desc(orders.id)).limit(3);
  await db.select({ status: orders.status, n: count() }).from(orders).groupBy(orders.status);
  await db.select({ id: orders.id, product: lines.product }).from(orders).innerJoin(lines, eq(lines.orderId, orders.id)).where(inArray(orders.id, [1, 2]));
  const big = db.$with("big").as(db.select().from(orders).where(gt(orders.id, 5)));
  await db.with(big).select().from(big);
  await db.execute(sql`select now()`);
  await db.transaction(async (tx) => {
    await tx.insert(orders).values({ id: 80, customerId: 1, status: "new" }).onConflictDoUpdate({ target: orders.id, set: { status: "new" } }).returning();
    await tx.update(orders).set({ status: "paid" }).where(eq(orders.id, 80));
    await tx.delete(orders).where(eq(orders.id, 80));
  }, { isolationLevel: "repeatable read" });
  await pool.end();
}

sequelize().then(typeorm).then(knex).then(drizzled).catch((wrong) => { console.error(wrong); process.exit(1); });

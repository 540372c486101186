// Prisma's client through its adapter for node-postgres: reads, relations, aggregates, writes, transactions.
// Run by node where `prisma generate --schema tests/corpus/tools/schema.prisma` was run, with the packages in NODE_PATH.

const { PrismaClient } = require("@prisma/client");
const { PrismaPg } = require("@prisma/adapter-pg");

const adapter = new PrismaPg({
  host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER,
  password: process.env.PGPASSWORD, database: process.env.PGDATABASE,
});
const db = new PrismaClient({ adapter });

async function reads() {
  await db.orders.findUnique({ where: { id: 1 } });
  await db.orders.findFirst({ where: { status: { contains: "n", mode: "insensitive" } }, orderBy: { id: "desc" } });
  await db.orders.findMany({
    where: { OR: [{ status: "new" }, { total: { gt: 3 } }], NOT: { customer_id: 2 } }, skip: 1, take: 2,
    include: { order_lines: { where: { price: { lt: 10 } }, orderBy: { line: "asc" } } },
  });
  await db.orders.findMany({ where: { order_lines: { some: { product: "x" } } }, select: { id: true, _count: { select: { order_lines: true } } } });
  await db.orders.findMany({ distinct: ["status"], cursor: { id: 1 }, take: 2, orderBy: { id: "asc" } });
  await db.orders.count({ where: { status: { in: ["new", "paid"] } } });
  await db.orders.aggregate({ _sum: { total: true }, _avg: { total: true }, _min: { id: true }, _count: true });
  await db.orders.groupBy({ by: ["status"], _sum: { total: true }, having: { total: { _avg: { gt: 1 } } }, orderBy: { status: "asc" } });
  await db.$queryRaw`select now()`;
}

async function writes() {
  await db.$executeRaw`insert into customers (id, name) values (1, 'x')`;
  await db.orders.create({ data: { id: 100, customer_id: 1, status: "new", order_lines: { create: [{ line: 1, product: "x" }] } } });
  await db.orders.createMany({ data: [{ id: 101, customer_id: 1 }, { id: 102, customer_id: 1 }], skipDuplicates: true });
  await db.orders.update({ where: { id: 100 }, data: { status: "paid", total: { increment: 1 } } });
  await db.orders.updateMany({ where: { id: { gte: 101 } }, data: { status: "paid" } });
  await db.orders.upsert({ where: { id: 103 }, create: { id: 103, customer_id: 1 }, update: { status: "new" } });
  await db.$transaction(async (tx) => {
    await tx.order_lines.deleteMany({ where: { order_id: 100 } });
    await tx.orders.delete({ where: { id: 100 } });
  }, { isolationLevel: "Serializable" });
  await db.$transaction([db.orders.deleteMany({ where: { id: { in: [101, 102, 103] } } }), db.orders.count()]);
}

reads().then(writes).then(() => db.$disconnect()).catch((wrong) => { console.error(wrong); process.exit(1); });

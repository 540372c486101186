// Every method of DatabaseMetaData with arguments as tools give them, metadata of results, batches, cursors, keys.
// Run by: java -cp postgresql.jar UsePgjdbc.java

import java.lang.reflect.Method;
import java.sql.*;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

class UsePgjdbc {
    public static void main(String[] none) throws Exception {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            metadata(connection);
            connectionMethods(connection);
            results(connection);
        }
    }

    /** Every method, once for each value that a schema, a table or a column pattern takes. */
    static void metadata(Connection connection) throws Exception {
        DatabaseMetaData told = connection.getMetaData();
        for (String[] names : new String[][] {{null, "%", "%"}, {"public", "orders", null}, {"public", "cust%", "n%"}, {"hr", "employees", "id"}}) {
            for (Method method : DatabaseMetaData.class.getMethods()) {
                try {
                    Object answer = method.invoke(told, arguments(method, names));
                    if (answer instanceof ResultSet) drain((ResultSet) answer);
                } catch (java.lang.reflect.InvocationTargetException refused) {
                    if (connection.isClosed()) throw refused;
                    System.err.println(method.getName() + ": " + refused.getCause());
                }
            }
        }
        for (String[] types : new String[][] {{"TABLE"}, {"VIEW", "MATERIALIZED VIEW"}, {"TABLE", "PARTITIONED TABLE", "FOREIGN TABLE", "VIEW", "SYSTEM TABLE"}}) {
            drain(told.getTables(null, "public", "%", types));
        }
        drain(told.getImportedKeys(null, "public", "order_lines"));
        drain(told.getCrossReference(null, "public", "orders", null, "public", "order_lines"));
    }

    static Object[] arguments(Method method, String[] names) {
        List<Object> given = new ArrayList<>();
        int strings = 0;
        for (Class<?> type : method.getParameterTypes()) {
            if (type == String.class) {
                int at = strings++;
                given.add(at == 0 ? null : at <= 3 ? names[Math.min(at - 1, 2)] : names[Math.min(at - 4, 2)]);
            } else if (type == boolean.class) {
                given.add(Boolean.TRUE);
            } else if (type == int.class) {
                given.add(method.getName().equals("getBestRowIdentifier") ? DatabaseMetaData.bestRowSession : Types.INTEGER);
            } else {
                given.add(null);
            }
        }
        return given.toArray();
    }

    static void connectionMethods(Connection connection) throws Exception {
        connection.getSchema();
        connection.getCatalog();
        connection.isValid(5);
        connection.setReadOnly(true);
        connection.setReadOnly(false);
        connection.getTransactionIsolation();
        connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        connection.setSchema("public");
        connection.setClientInfo("ApplicationName", "pgjdbc");
        connection.setNetworkTimeout(Runnable::run, 30_000);
        connection.getTypeMap();
        connection.createArrayOf("text", new Object[] {"a"});
        connection.clearWarnings();
    }

    static void results(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        Savepoint savepoint = connection.setSavepoint("here");
        try (PreparedStatement one = connection.prepareStatement("select id, customer_id, status, total from orders where id > ? and status = ?")) {
            one.setInt(1, 0);
            one.setString(2, "new");
            one.getParameterMetaData().getParameterTypeName(1);
            one.setFetchSize(2);
            try (ResultSet rows = one.executeQuery()) {
                ResultSetMetaData told = rows.getMetaData();
                for (int at = 1; at <= told.getColumnCount(); at++) {
                    told.isAutoIncrement(at);
                    told.isNullable(at);
                    told.getTableName(at);
                    told.getColumnTypeName(at);
                    told.getColumnClassName(at);
                }
            }
        }
        try (Statement plain = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                ResultSet rows = plain.executeQuery("select id, status from orders")) {
            rows.next();
        }
        try (PreparedStatement many = connection.prepareStatement("select m, h, z from (select 'ok'::mood as m, row(1, 'a')::people as h, '12345'::zip as z) t");
                ResultSet rows = many.executeQuery()) {
            rows.next();
            rows.getObject(1);
            rows.getObject(2);
            rows.getMetaData().getColumnTypeName(1);
            rows.getMetaData().getColumnTypeName(2);
        }
        connection.rollback(savepoint);
        connection.releaseSavepoint(connection.setSavepoint());
        connection.commit();
        connection.setAutoCommit(true);
    }

    static void drain(ResultSet rows) throws SQLException {
        try (rows) {
            while (rows.next()) rows.getObject(1);
        }
    }
}

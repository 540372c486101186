import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.UUID;

/** Prints each column of a table's row by the getter of its type: URL, table. In text first, in binary later. */
public class Typed {
    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0]);
             PreparedStatement asked = connection.prepareStatement(
                 "select * from " + arguments[1] + " where id = ?")) {
            for (int run = 0; run < 8; run++) { // from the fifth on, pgjdbc asks for binary results
                asked.setInt(1, 1);
                try (ResultSet found = asked.executeQuery()) {
                    found.next();
                    ResultSetMetaData columns = found.getMetaData();
                    for (int i = 1; i <= columns.getColumnCount(); i++) {
                        System.out.println(run + " " + columns.getColumnName(i) + " " + told(found, columns, i));
                    }
                }
            }
        }
    }

    private static Object told(ResultSet found, ResultSetMetaData columns, int i) throws Exception {
        Object value = switch (columns.getColumnTypeName(i)) {
            case "int2" -> found.getShort(i);
            case "int4", "serial" -> found.getInt(i);
            case "int8" -> found.getLong(i);
            case "numeric" -> found.getBigDecimal(i);
            case "float4" -> found.getFloat(i);
            case "float8" -> found.getDouble(i);
            case "bool" -> found.getBoolean(i);
            case "date" -> found.getObject(i, LocalDate.class);
            case "timestamp" -> found.getObject(i, LocalDateTime.class);
            case "timestamptz" -> found.getObject(i, OffsetDateTime.class);
            case "uuid" -> found.getObject(i, UUID.class);
            case "bytea" -> found.getBytes(i);
            case "_int4" -> found.getArray(i);
            default -> found.getString(i);
        };
        return found.wasNull() ? "NULL" : value;
    }
}

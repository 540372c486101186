// A held statement in pgjdbc: warnings show while it waits, a query timeout withdraws it, and the session goes on.
import java.sql.*;

public class Held {
    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0]);
                PreparedStatement delete = connection.prepareStatement(arguments[1])) {
            delete.setQueryTimeout(Integer.parseInt(arguments[2]));
            delete.setString(1, "to go");
            try {
                System.out.println("updated " + delete.executeUpdate());
            } catch (SQLException error) {
                System.out.println("failed " + error.getSQLState());
            }
            for (SQLWarning warning = delete.getWarnings(); warning != null; warning = warning.getNextWarning()) {
                System.out.println("warning " + warning.getMessage());
            }
            try (Statement after = connection.createStatement(); ResultSet rows = after.executeQuery("select 1")) {
                rows.next();
                System.out.println("alive " + rows.getInt(1));
            }
        }
    }
}

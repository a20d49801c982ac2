import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.lang.reflect.Field;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** Starts DynamoDB Local on a free port of the loopback interface, says which, and ends with whoever started it. */
public final class Start {
    public static void main(String[] arguments) throws Exception {
        String[] settings = {"-inMemory", "-sharedDb", "-disableTelemetry"};
        DynamoDBProxyServer local = ServerRunner.createServerFromCommandLineArgs(settings);
        // Its own settings know no address: it would listen on every interface.
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        ServerConnector door = null;
        for (Connector connector : ((Server) field.get(local)).getConnectors()) {
            door = (ServerConnector) connector;
            door.setHost("127.0.0.1");
            door.setPort(0);
        }
        local.start();
        System.out.println("listening on 127.0.0.1:" + door.getLocalPort());
        // The starter holds the other end of this pipe: when it is gone, however it ended, so is this.
        while (System.in.read() >= 0) {}
        Runtime.getRuntime().halt(0);
    }
}

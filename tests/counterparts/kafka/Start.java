import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;

/** Starts one Kafka broker on free ports of the loopback interface, says which, and ends with whoever started it. */
public final class Start {
    public static void main(String[] arguments) throws Exception {
        int door = freePort();
        int controller = freePort();
        Path folder = Files.createTempDirectory(Path.of("").toAbsolutePath(), "state");
        Path settings = folder.resolve("server.properties");
        Files.write(settings, List.of(
                "process.roles=broker,controller",
                "node.id=1",
                "controller.quorum.voters=1@127.0.0.1:" + controller,
                "listeners=PLAINTEXT://127.0.0.1:" + door + ",CONTROLLER://127.0.0.1:" + controller,
                "advertised.listeners=PLAINTEXT://127.0.0.1:" + door,
                "controller.listener.names=CONTROLLER",
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "log.dirs=" + folder.resolve("log"),
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=1",
                "group.initial.rebalance.delay.ms=0",
                "group.min.session.timeout.ms=1000",
                "auto.create.topics.enable=false"));
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process format = new ProcessBuilder(java, "-cp", System.getProperty("java.class.path"),
                "kafka.tools.StorageTool", "format", "-t", Uuid.randomUuid().toString(), "-c", settings.toString())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        if (format.waitFor() != 0) {
            System.exit(1);
        }
        // The starter holds the other end of this pipe: when it is gone, however it ended, so is this.
        Thread watch = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {}
            } catch (Exception closed) {
                // As good as its end.
            }
            remove(folder);
            Runtime.getRuntime().halt(0);
        });
        watch.setDaemon(true);
        watch.start();
        Thread announce = new Thread(() -> {
            while (true) {
                try (Socket probe = new Socket()) {
                    probe.connect(new InetSocketAddress("127.0.0.1", door), 200);
                    System.out.println("listening on 127.0.0.1:" + door);
                    return;
                } catch (Exception notYet) {
                    try {
                        Thread.sleep(50);
                    } catch (InterruptedException ended) {
                        return;
                    }
                }
            }
        });
        announce.setDaemon(true);
        announce.start();
        kafka.Kafka.main(new String[] {settings.toString()});
    }

    /** What a running broker adds in between is left behind: its folder is of no use to anyone. */
    private static void remove(Path folder) {
        try (Stream<Path> paths = Files.walk(folder)) {
            paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (Exception gone) {
            // Nothing to remove.
        }
    }

    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}

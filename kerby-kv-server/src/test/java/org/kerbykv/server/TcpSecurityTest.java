package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import net.rubyeye.xmemcached.MemcachedClient;
import net.rubyeye.xmemcached.XMemcachedClientBuilder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** memcached's authentication in ASCII, and TLS. */
class TcpSecurityTest {
  private static final String PASSWORD = "changeit";
  private static final String LOGIN = "set any 0 0 9\r\nuser pass\r\n";

  /** Each part is sent when the one before is answered; the marker's answer ends them all. */
  private static final List<List<String>> DIALOGUES =
      List.of(
          List.of("get a\r\n", LOGIN, "get a\r\n"),
          List.of("version\r\n", "quit\r\n", "stats\r\n", "mn\r\n"),
          List.of("set k 0 0 9 noreply\r\nuser pass\r\n", "get a\r\n"),
          List.of(LOGIN, "set any 0 0 9\r\nuser pass\r\n", "get any\r\n"),
          List.of("set x 0 0 9\r\nuser wass\r\n", "get a\r\n", LOGIN, "get a\r\n"),
          List.of("set x a b 9\r\nuser pass\r\n", "get a\r\n"),
          List.of("set x 0 0 10\r\nbob secret\r\n", "get a\r\n"),
          List.of("set x 0 0 9\r\nuser:pass\r\n", "get a\r\n"),
          List.of("set x 0 0 8\r\nuser pas\r\n", "get a\r\n"),
          List.of("set x 0 0 4\r\nuser\r\n", "get a\r\n"),
          List.of("set x 0 0 0\r\n\r\n", "get a\r\n"),
          List.of("set x 0 0 9\r\nuser passx\n", "get a\r\n"),
          List.of("set x 0 0\r\n", "set x 0 0 abc\r\n", "set x 0 0 -1\r\n", LOGIN, "get a\r\n"),
          List.of("set  x 0 0 9\nuser pass\r\n", "get a\r\n"));

  @TempDir private static Path directory;

  private static Path authFile;

  @BeforeAll
  static void write() throws IOException {
    // memcached reads it as another user.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    authFile = directory.resolve("auth");
    Files.writeString(authFile, "user:pass\nbob:secret\n");
  }

  private static KerbyServer start(SecurityOptions security) throws StartException {
    ServerConfig plain = TestServers.userSpace();
    return KerbyServer.start(
        new ServerConfig(
            plain.listen(),
            -1,
            0,
            plain.interfaceName(),
            plain.xdp(),
            plain.memoryLimitBytes(),
            plain.userMemoryBytes(),
            plain.evicts(),
            plain.itemSizeMax(),
            plain.datagramMax(),
            plain.blockBytes(),
            plain.pinDirectory(),
            0,
            plain.threads(),
            plain.connections(),
            0,
            plain.locks(),
            security));
  }

  private static SecurityOptions withAuth(Path file) {
    return new SecurityOptions(List.of(), 0, Optional.of(file), Optional.empty());
  }

  private static SecurityOptions withTls(Path certificate, Path key) {
    return new SecurityOptions(
        List.of(), 0, Optional.empty(), Optional.of(new SecurityOptions.Tls(certificate, key)));
  }

  private static InetSocketAddress address(KerbyServer server) {
    return server.tcpAddress().orElseThrow();
  }

  private static List<String> converse(InetSocketAddress server, List<String> dialogue)
      throws IOException {
    List<String> answers = new ArrayList<>();
    try (Socket socket = new Socket(server.getAddress(), server.getPort())) {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(20_000);
      for (String part : dialogue) {
        answers.add(ask(socket, part));
      }
    }
    return answers;
  }

  /** Sends, and returns the line or value that is answered. */
  private static String ask(Socket socket, String request) throws IOException {
    socket.getOutputStream().write(request.getBytes(ISO_8859_1));
    InputStream in = socket.getInputStream();
    StringBuilder answer = new StringBuilder();
    do {
      int next = in.read();
      if (next < 0) {
        return answer + "(end)";
      }
      answer.append((char) next);
    } while (answer.charAt(answer.length() - 1) != '\n'
        || (answer.toString().startsWith("VALUE") && !answer.toString().endsWith("END\r\n")));
    return answer.toString();
  }

  @Test
  void whoIsLetInIsWhomMemcachedLetsIn() throws Exception {
    try (KerbyServer server = start(withAuth(authFile));
        MemcachedProcess memcached =
            MemcachedProcess.startWith("-U", "0", "-Y", authFile.toString())) {
      for (List<String> dialogue : DIALOGUES) {
        assertThat(converse(address(server), dialogue))
            .as("%s", dialogue)
            .isEqualTo(converse(memcached.address(), dialogue));
      }
    }
  }

  @Test
  void theTokenMayComeByteByByteAndRequestsAtOnceBehindIt() throws Exception {
    try (KerbyServer server = start(withAuth(authFile));
        Socket socket = new Socket(address(server).getAddress(), address(server).getPort())) {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(20_000);
      for (char c : (LOGIN + "set k 0 0 1\r\nv\r\nget k\r\n").toCharArray()) {
        socket.getOutputStream().write(c);
      }
      String expected = "STORED\r\nSTORED\r\nVALUE k 0 1\r\nv\r\nEND\r\n";
      assertThat(new String(socket.getInputStream().readNBytes(expected.length()), ISO_8859_1))
          .isEqualTo(expected);
    }
  }

  @Test
  void aLineWithoutEndEndsTheConnection() throws Exception {
    try (KerbyServer server = start(withAuth(authFile))) {
      assertThat(converse(address(server), List.of("k".repeat(3000)))).containsExactly("(end)");
    }
  }

  @Test
  void aClientOfOthersLogsIn() throws Exception {
    try (KerbyServer server = start(withAuth(authFile))) {
      MemcachedClient client = new XMemcachedClientBuilder(List.of(address(server))).build();
      try {
        assertThatThrownBy(() -> client.set("k", 0, "value"))
            .hasMessageContaining("authentication");
        assertThat(client.set("any", 0, "user pass")).isTrue();
        assertThat(client.set("k", 0, "value")).isTrue();
        assertThat(client.<String>get("k")).isEqualTo("value");
      } finally {
        client.shutdown();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"user", "user:", "user:pass\n\nother:one\n"})
  void aFileOfAnotherFormIsRefused(String content) throws Exception {
    Path file = directory.resolve("malformed");
    Files.writeString(file, content);
    assertThatThrownBy(() -> start(withAuth(file)).close())
        .isInstanceOf(StartException.class)
        .hasMessageContaining("is not user:password");
  }

  @Test
  void aMissingFileIsRefused() {
    assertThatThrownBy(() -> start(withAuth(directory.resolve("none"))).close())
        .isInstanceOf(StartException.class)
        .hasMessageContaining("cannot read --auth-file");
  }

  @Test
  void connectionsAreEncrypted() throws Exception {
    KeyStore keys = keys();
    Path certificate = pem("CERTIFICATE", keys.getCertificate("kerby").getEncoded());
    Key key = keys.getKey("kerby", PASSWORD.toCharArray());
    try (KerbyServer server = start(withTls(certificate, pem("PRIVATE KEY", key.getEncoded())))) {
      String value = "v".repeat(300_000);
      try (Socket socket = trusting(keys.getCertificate("kerby"), address(server))) {
        assertThat(ask(socket, "set k 0 0 %d\r\n%s\r\n".formatted(value.length(), value)))
            .isEqualTo("STORED\r\n");
        assertThat(ask(socket, "get k\r\n"))
            .isEqualTo("VALUE k 0 %d\r\n%s\r\nEND\r\n".formatted(value.length(), value));
      }
      pymemcache(certificate, address(server));
      // Who does not encrypt is not served.
      assertThat(plainly(address(server))).doesNotContain("VALUE", "END");
      // Who knows another certificate does not go on.
      Certificate other = keys().getCertificate("kerby");
      assertThatThrownBy(
              () -> {
                try (Socket socket = trusting(other, address(server))) {
                  ask(socket, "get k\r\n");
                }
              })
          .isInstanceOf(SSLException.class);
    }
  }

  @Test
  void keysThatAreNoneAreRefused() {
    assertThatThrownBy(() -> start(withTls(authFile, authFile)).close())
        .isInstanceOf(StartException.class)
        .hasMessageContaining("cannot use --tls-cert");
  }

  private static String plainly(InetSocketAddress server) throws IOException {
    try (Socket socket = new Socket(server.getAddress(), server.getPort())) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write("get k\r\n".getBytes(ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    } catch (SocketTimeoutException e) {
      throw new AssertionError("a client that does not encrypt is left waiting", e);
    }
  }

  private static void pymemcache(Path certificate, InetSocketAddress server) throws Exception {
    String script =
        """
        import ssl, sys
        from pymemcache.client.base import Client
        tls = ssl.create_default_context(cafile=sys.argv[1])
        client = Client(("127.0.0.1", int(sys.argv[2])), tls_context=tls)
        assert client.set("python", b"value", noreply=False)
        assert client.get("python") == b"value"
        """;
    Process python =
        new ProcessBuilder(
                "/usr/bin/python3",
                "-c",
                script,
                certificate.toString(),
                Integer.toString(server.getPort()))
            .redirectErrorStream(true)
            .start();
    String said = new String(python.getInputStream().readAllBytes(), ISO_8859_1);
    assertThat(python.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(python.exitValue()).as(said).isZero();
  }

  private static Socket trusting(Certificate certificate, InetSocketAddress server)
      throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("kerby", certificate);
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    Socket socket = context.getSocketFactory().createSocket(server.getAddress(), server.getPort());
    socket.setSoTimeout(20_000);
    return socket;
  }

  /** Makes a key and its certificate for 127.0.0.1. */
  private static KeyStore keys() throws Exception {
    Path file = Files.createTempFile(directory, "keys", ".p12");
    Files.delete(file);
    Path keytool = Path.of(System.getProperty("java.home"), "bin", "keytool");
    Process process =
        new ProcessBuilder(
                keytool.toString(),
                "-genkeypair",
                "-keystore",
                file.toString(),
                "-storepass",
                PASSWORD,
                "-alias",
                "kerby",
                "-keyalg",
                "EC",
                "-dname",
                "CN=kerby",
                "-ext",
                "san=ip:127.0.0.1")
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), ISO_8859_1);
    assertThat(process.waitFor()).as(said).isZero();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    return keys;
  }

  private static Path pem(String kind, byte[] content) throws IOException {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    Path file = Files.createTempFile(directory, "pem", ".pem");
    return Files.writeString(
        file, "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(kind, text, kind));
  }
}

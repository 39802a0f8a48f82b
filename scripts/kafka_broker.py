"""Apache Kafka itself, one node, and the tools that come with it: jars from Maven Central, run by Java."""

import contextlib
import functools
import os
import pathlib
import random
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys

from service import FOLDER, Service, Unavailable, locked

KAFKA = "4.3.1"

# What the broker and its tools need, and no more: Kafka Connect brings a web server that they never start.
POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>engine</groupId>
  <artifactId>kafka</artifactId>
  <version>{KAFKA}</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA}</version></dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{KAFKA}</version>
      <exclusions><exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId></exclusion></exclusions>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

# One node, small, and quick to do what a test waits for.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map":
        "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.sasl_plaintext.plain.sasl.jaas.config":
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_test="test";',
    "auto.create.topics.enable": "false",
    "default.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    # Messages past their retention go within a second or two.
    "log.retention.check.interval.ms": 1000,
    "log.initial.task.delay.ms": 1000,
    "log.segment.delete.delay.ms": 1000,
    "log.cleaner.backoff.ms": 1000,
    # A killed broker that is back waits until the session it had before is over.
    "broker.session.timeout.ms": 5000,
    "broker.heartbeat.interval.ms": 1000,
    "log.cleaner.dedupe.buffer.size": 8 << 20,
    "num.network.threads": 1,
    "num.io.threads": 2,
    "background.threads": 2,
}
JVM = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]

TOOLS = {
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}


@functools.cache
def java():
    """The program `java`, of a version that Kafka runs on."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin" if home else None)
    if program is None:
        raise Unavailable(f"kafka needs Java 17: no `java` in {home + '/bin' if home else 'PATH'}")
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < 17:
        raise Unavailable(f"kafka needs Java 17 or newer, and {program} is: {said.strip()}")
    return program


def kafka_jars():
    """The folder of Kafka's jars, filled at the first call."""
    jars = FOLDER / "kafka" / f"jars-{KAFKA}"
    ready = jars / "ready"
    if ready.exists() and ready.read_text() == POM:
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("kafka comes from Maven Central: no `mvn` in PATH")
    print(f"fetching Apache Kafka {KAFKA} from Maven Central, about 50 MB", file=sys.stderr)
    shutil.rmtree(jars, ignore_errors=True)
    jars.mkdir(parents=True)
    (jars / "pom.xml").write_text(POM)
    command = [maven, "-B", "-q", "-ntp", "-f", jars / "pom.xml", COPY, "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    fetched = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        raise Unavailable(f"{fetched.stdout[-3000:]}{fetched.stderr[-1000:]}\nkafka: Maven could not fetch the jars")
    ready.write_text(POM)
    return jars


def java_command(options, main_class, level):
    """The start of a command that runs a class of Kafka's jars, logging to stderr."""
    return [java(), *options, f"-Dorg.slf4j.simpleLogger.defaultLogLevel={level}",
            "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            "-Dlog4j2.level=OFF", "-Dlog4j2.statusLoggerLevel=OFF", "-cp", f"{kafka_jars()}/*", main_class]


def are_free(ports):
    with contextlib.ExitStack() as taken, contextlib.suppress(OSError, OverflowError):
        for port in ports:
            listener = taken.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
        return True
    return False


class Kafka(Service):
    ready = "Kafka Server started"
    LISTENERS = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "CONTROLLER")
    STORE_PASSWORD = "engine-secret"

    def __init__(self, name):
        super().__init__(name if ":" in name else f"{name}:default")
        self.name = name

    def ports(self):
        """A port for each listener, in a row: the ones asked for, those of last time, or free ones."""
        kept = self.folder / "port"
        asked = os.environ.get("KAFKA_PORT")
        if asked and not (asked.isdecimal() and are_free(self.row(int(asked)))):
            sys.exit(f"{self.name}: KAFKA_PORT is {asked}; it must be a port, free like the three after it")
        first = int(asked or (kept.read_text() if kept.exists() else 0))
        while first == 0 or not are_free(self.row(first)):
            # Below the ports that the system gives to clients: one that asks a stopped broker again and again could
            # be given the broker's own port, and connect to itself.
            first = random.randrange(20_000, 32_000, len(self.LISTENERS))
        kept.write_text(str(first))
        return dict(zip(self.LISTENERS, self.row(first)))

    def row(self, first):
        return range(first, first + len(self.LISTENERS))

    def certificate(self):
        """The broker's key, and its self-signed certificate for clients; made once."""
        keys, certificate = self.folder / "keys.p12", self.folder / "certificate.pem"
        if not certificate.exists():
            keys.unlink(missing_ok=True)
            keytool = pathlib.Path(java()).resolve().parent / "keytool"
            store = ["-alias", "kafka", "-keystore", keys, "-storetype", "PKCS12", "-storepass", self.STORE_PASSWORD]
            subprocess.run([keytool, "-genkeypair", *store, "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "3650",
                            "-dname", "CN=localhost", "-ext", "SAN=ip:127.0.0.1,dns:localhost"],
                           check=True, capture_output=True)
            exported = subprocess.run([keytool, "-exportcert", "-rfc", *store], check=True, capture_output=True)
            certificate.write_bytes(exported.stdout)
        return keys, certificate

    def start(self):
        broker = java_command(JVM, "kafka.Kafka", "info")
        temporary = self.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        ports, (keys, certificate) = self.ports(), self.certificate()
        settings, data = self.folder / "server.properties", self.folder / "data"
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
        values = SETTINGS | {
            "log.dirs": data,
            "listeners": listeners,
            "advertised.listeners": listeners.rpartition(",")[0],
            "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": keys,
            "ssl.keystore.password": self.STORE_PASSWORD,
        }
        settings.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        self.format(settings, data)
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports['PLAINTEXT']}",
            "KAFKA_SASL_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports['SASL_PLAINTEXT']}",
            "KAFKA_SASL_USERNAME": "test",
            "KAFKA_SASL_PASSWORD": "test",
            "KAFKA_SSL_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports['SSL']}",
            "KAFKA_SSL_CA": certificate,
        }
        # Kafka unpacks libraries there and leaves them when it is killed.
        self.launch([broker[0], f"-Djava.io.tmpdir={temporary}", *broker[1:], settings], environment)

    def answers(self, environment):
        """Whether it knows itself: just started it may tell clients of no broker, and they ask again after minutes."""
        host, _, port = environment["KAFKA_BOOTSTRAP_SERVERS"].partition(":")
        # https://kafka.apache.org/protocol: Metadata, version 1, of no topic.
        request = struct.pack(">hhih7si", 3, 1, 0, 7, b"scripts", 0)
        with contextlib.suppress(OSError, struct.error), socket.create_connection((host, int(port)), timeout=5) as broker:
            broker.sendall(struct.pack(">i", len(request)) + request)
            _, _, brokers = struct.unpack(">iii", broker.recv(12, socket.MSG_WAITALL))
            return brokers > 0
        return False

    def format(self, settings, data):
        """Gives a new store its cluster id."""
        formatted = self.folder / "cluster"
        if formatted.exists():
            return
        shutil.rmtree(data, ignore_errors=True)
        cluster = "A" + secrets.token_urlsafe(16)[1:]  # 16 bytes as Kafka writes them, and no option: never a leading dash
        command = java_command(["-XX:TieredStopAtLevel=1"], "kafka.tools.StorageTool", "warn")
        done = subprocess.run([*command, "format", "--cluster-id", cluster, "--config", settings],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{done.stderr}\n{self.name}: the storage could not be formatted")
        formatted.write_text(cluster)

    def down(self, how=None):
        self.stop(signal.SIGKILL if how == "--kill" else signal.SIGTERM)
        if how == "--wipe":
            shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, name, arguments):
        """Becomes one of Kafka's tools; it reads our stdin and answers with its own exit code."""
        with locked("kafka"):
            command = java_command(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"], TOOLS[name], "warn")
        if "--bootstrap-server" not in arguments and "--help" not in arguments:
            if not self.is_up():
                sys.exit("kafka is not running; start it with: scripts/services up kafka")
            address = self.environment_file.read_text().split()[0].partition("=")[2]
            command += ["--bootstrap-server", address]
        os.execv(command[0], [*command, *arguments])

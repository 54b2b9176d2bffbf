import Foundation
import Glibc
import Testing
import ZeroMQTransport

@Suite struct EndpointTests {
    @Test(arguments: [
        "tcp://127.0.0.1:5555", "tcp://127.8.9.10:*", "tcp://[::1]:5555", "tcp://localhost:5555", "ipc:///tmp/s",
        "inproc://x",
    ])
    func whatStaysOnTheHostMayBePlain(endpoint: String) {
        #expect(!requiresEncryption(endpoint))
    }

    @Test(arguments: [
        "tcp://*:5555", "tcp://0.0.0.0:5555", "tcp://192.0.2.1:5555", "tcp://[::]:5555", "tcp://[2001:db8::1]:5555",
        "tcp://example.org:5555", "tcp://eth0:5555", "tcp://127.0.0.1.example.org:5555", "tcp://127.1:5555",
        "tcp://192.0.2.1:5555;127.0.0.1:5555", "tcp://[::ffff:192.0.2.1]:1", "udp://127.0.0.1:5555", "ws://127.0.0.1:1",
        "", "tcp://", "tcp://127.0.0.1", "nonsense",
    ])
    func whatMayLeaveTheHostMustBeEncrypted(endpoint: String) {
        #expect(requiresEncryption(endpoint))
    }

    @Test(arguments: [
        ("tcp://192.0.2.1:5555", true), ("tcp://192.0.2.1:7", true), ("tcp://192.0.2.2:5555", false),
        ("tcp://127.0.0.1:5555", true), ("tcp://[::1]:5555", true), ("tcp://[2001:db8::1]:5555", false),
        ("ipc:///tmp/s", true),
    ])
    func peersOnOneHostAreToldByTheirEndpoints(endpoint: String, isHere: Bool) {
        let own = PeerAddress(endpoint: "tcp://192.0.2.1:5555", publicKey: nil)
        #expect(PeerAddress(endpoint: endpoint, publicKey: nil).isOnHost(of: own) == isHere)
    }

    @Test func aPlainSocketRefusesToLeaveTheHost() throws {
        let context = try MessagingContext()
        let socket = try Socket(.dealer, context: context, limits: .control, security: .plain)
        for endpoint in ["tcp://0.0.0.0:*", "tcp://192.0.2.1:5555"] {
            for attempt in [{ _ = try socket.bind(endpoint) }, { try socket.connect(endpoint) }] {
                let error = try transportError(attempt)
                #expect(error.description.contains(endpoint))
                #expect(error.description.contains("not encrypted"))
            }
        }
    }

    @Test func aMalformedEndpointIsAnError() throws {
        let socket = try Socket(.dealer, context: try MessagingContext(), limits: .control, security: .plain)
        for endpoint in ["tcp://127.0.0.1:99999", "tcp://127.0.0.1:port", "ipc://", "inproc://"] {
            #expect(throws: TransportError.self, "\(endpoint)") { try socket.bind(endpoint) }
        }
    }

    @Test func anIPv6LoopbackWorks() throws {
        let server = try ControlServer(
            context: try MessagingContext(), endpoint: "tcp://[::1]:*", security: .plain)
        let client = try ControlClient(
            context: try MessagingContext(), endpoint: server.boundEndpoint, security: .plain)
        try expectRoundTrip(client, server)
    }

    @Test func aPortInUseNamesAddressAndHolder() throws {
        let context = try MessagingContext()
        let holder = try Socket(.router, context: context, limits: .control, security: .plain)
        let endpoint = try holder.bind("tcp://127.0.0.1:*")
        let error = try transportError {
            _ = try ControlServer(context: context, endpoint: endpoint, security: .plain)
        }
        #expect(error.code == EADDRINUSE)
        #expect(error.description.contains(endpoint))
        #expect(error.description.contains("(pid \(getpid()))"))
    }

    @Test func aPortHeldByAnotherProcessNamesIt() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/perl")
        let program = """
            use IO::Socket::INET; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
            $| = 1; print $s->sockport, "\\n"; <STDIN>;
            """
        process.arguments = ["-e", program]
        let output = Pipe()
        let input = Pipe()
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        defer {
            input.fileHandleForWriting.closeFile()
            process.waitUntilExit()
        }
        let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let socket = try Socket(.router, context: try MessagingContext(), limits: .control, security: .plain)
        let error = try transportError { _ = try socket.bind("tcp://127.0.0.1:\(port)") }
        #expect(
            error.description
                == "cannot bind tcp://127.0.0.1:\(port): the address is in use by perl (pid \(process.processIdentifier))"
        )
    }

    @Test func aListenerOnAnotherAddressIsNotBlamed() throws {
        let context = try MessagingContext()
        let holder = try Socket(.router, context: context, limits: .control, security: .plain)
        let endpoint = try holder.bind("tcp://127.0.0.1:*")
        #expect(PortHolder.explanation(for: endpoint).contains("(pid \(getpid()))"))
        let other = endpoint.replacingOccurrences(of: "127.0.0.1", with: "127.0.0.2")
        #expect(!PortHolder.explanation(for: other).contains("pid"))
        let everywhere = endpoint.replacingOccurrences(of: "127.0.0.1", with: "0.0.0.0")
        #expect(PortHolder.explanation(for: everywhere).contains("(pid \(getpid()))"))
        let six = try Socket(.router, context: context, limits: .control, security: .plain)
        #expect(PortHolder.explanation(for: try six.bind("tcp://[::1]:*")).contains("(pid \(getpid()))"))
    }

    @Test func aPathInUseIsNotStolen() throws {
        try withTemporaryDirectory { directory in
            let context = try MessagingContext()
            let holder = try Socket(.router, context: context, limits: .control, security: .plain)
            let endpoint = try holder.bind("ipc://\(directory)/s")
            let second = try Socket(.router, context: context, limits: .control, security: .plain)
            let error = try transportError { _ = try second.bind(endpoint) }
            #expect(error.description.contains("(pid \(getpid()))"))
        }
    }

    @Test func aDataAddressFollowsTheCoordinator() throws {
        #expect(try NetworkAddress.forData(coordinator: "tcp://127.0.0.1:5555") == "127.0.0.1")
        #expect(try NetworkAddress.forData(coordinator: "tcp://[::1]:5555") == "[::1]")
        #expect(try NetworkAddress.forData(coordinator: "ipc:///tmp/x") == "127.0.0.1")
        #expect(try NetworkAddress.forData(coordinator: "tcp://127.0.0.1:5555", override: "lo") == "127.0.0.1")
        #expect(try NetworkAddress.forData(coordinator: "tcp://192.0.2.1:5555", override: "127.0.0.1") == "127.0.0.1")
        #expect(try NetworkAddress.forData(coordinator: "tcp://192.0.2.1:5555", override: "::1") == "[::1]")
        #expect(throws: TransportError.self) { try NetworkAddress.forData(coordinator: "nonsense") }
        #expect(throws: TransportError.self) { try NetworkAddress.forData(coordinator: "tcp://name.invalid:1") }
    }

    @Test func anOverrideThatIsNotHereNamesWhatIs() throws {
        let error = try transportError {
            _ = try NetworkAddress.forData(coordinator: "tcp://127.0.0.1:1", override: "198.51.100.77")
        }
        #expect(error.description.contains("198.51.100.77"))
        #expect(error.description.contains("127.0.0.1 (lo)"))
    }

    @Test func onlyAWildcardIsReplacedWhenAdvertised() throws {
        #expect(try NetworkAddress.advertised("tcp://127.0.0.1:5555") == "tcp://127.0.0.1:5555")
        #expect(try NetworkAddress.advertised("ipc:///tmp/x") == "ipc:///tmp/x")
        // A host without a network has nothing to advertise; that is an error and not a wildcard.
        if let advertised = try? NetworkAddress.advertised("tcp://0.0.0.0:5555") {
            #expect(advertised.hasPrefix("tcp://") && advertised.hasSuffix(":5555"))
            #expect(!advertised.contains("0.0.0.0"))
            #expect(requiresEncryption(advertised))
        }
    }
}

import Foundation
import Testing
import ZeroMQTransport

@Suite(.serialized) struct HostilePeerTests {
    private func plainServer(
        _ warnings: Collected<String> = Collected(), limits: SocketLimits = .control
    ) throws -> ControlServer {
        try ControlServer(
            context: try MessagingContext(), endpoint: "tcp://127.0.0.1:*", security: .plain, limits: limits,
            report: { warnings.add($0) })
    }

    /// Without probes nothing but the frame itself can close a connection whose handshake is through.
    private var limitsWithoutProbes: SocketLimits {
        var limits = SocketLimits.control
        limits.heartbeatMilliseconds = 0
        return limits
    }

    private func plainClient(_ server: ControlServer) throws -> ControlClient {
        try ControlClient(context: try MessagingContext(), endpoint: server.boundEndpoint, security: .plain)
    }

    /// The memory that this process holds, in bytes.
    private func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1])) * 1024
    }

    @Test func ourOwnOversizeMessageIsAnError() throws {
        let server = try plainServer()
        let client = try plainClient(server)
        let tooLarge = [UInt8](repeating: 1, count: client.maximumMessageBytes + 1)
        let error = try transportError { try client.send(tooLarge) }
        #expect(error.description.contains("1048577 bytes"))
        try expectRoundTrip(client, server)
        #expect(throws: TransportError.self) { try server.send(tooLarge, to: client.identity) }
    }

    @Test func aMessageOfTheLargestSizePasses() throws {
        let server = try plainServer()
        let client = try plainClient(server)
        let largest = [UInt8](repeating: 7, count: client.maximumMessageBytes)
        try client.send(largest)
        #expect(try server.next().1 == largest)
    }

    @Test(arguments: [(1 << 20) + 1, 8 << 30, UInt64.max >> 1, UInt64.max] as [UInt64])
    func aFrameDeclaredTooLargeClosesItsConnection(size: UInt64) throws {
        let server = try plainServer(limits: limitsWithoutProbes)
        let before = try residentBytes()
        let attackers = try (0..<8).map { _ in try RawConnection(server.boundEndpoint) }
        for attacker in attackers {
            attacker.handshakePlain()
            attacker.write(RawConnection.longFrameHeader(size: size))
            #expect(attacker.waitForClose())
        }
        #expect(try residentBytes() - before < 64 << 20)
        try expectRoundTrip(try plainClient(server), server)
    }

    @Test func aHugeFrameBeforeAuthenticationClosesItsConnection() throws {
        let secure = try SecureServer()
        let before = try residentBytes()
        for isCommand in [true, false] {
            let attacker = try RawConnection(secure.server.boundEndpoint)
            attacker.greet(mechanism: "CURVE")
            attacker.write(RawConnection.longFrameHeader(size: 200 << 20, isCommand: isCommand))
            #expect(attacker.waitForClose())
        }
        #expect(try residentBytes() - before < 64 << 20)
        let keys = try CurveKeyPair.generate()
        secure.authenticator.allow(keys.publicKey, in: .control)
        try expectRoundTrip(try secure.client(keys), secure.server)
    }

    @Test func aMessageOfManyFramesIsDroppedAndNamed() throws {
        let warnings = Collected<String>()
        let server = try plainServer(warnings)
        let odd = try Socket(.dealer, context: try MessagingContext(), limits: .control, security: .plain)
        try odd.connect(server.boundEndpoint)
        try odd.send([[1], [2], [3]], waits: true)
        try odd.send([4], waits: true)
        #expect(try server.next().1 == [4])
        #expect(warnings.all.count == 1)
        #expect(try #require(warnings.all.first).contains("more than 2"))
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func garbageBeforeTheGreetingDoesNotStopService(seed: UInt64) throws {
        let server = try plainServer()
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        secure.authenticator.allow(keys.publicKey, in: .control)
        var random = SeededBytes(seed: seed)
        for endpoint in [server.boundEndpoint, secure.server.boundEndpoint] {
            let attackers = try (0..<5).map { _ in try RawConnection(endpoint) }
            for (index, attacker) in attackers.enumerated() {
                // Pure noise, a true greeting then noise, a true start of a greeting then noise.
                if index == 1 { attacker.greet(mechanism: "CURVE") }
                if index == 2 { attacker.greet(mechanism: "NULL") }
                if index == 3 { attacker.write([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F]) }
                if index == 4 { attacker.handshakePlain() }
                attacker.write(random.bytes(Int(random.next() % 4096) + 1))
            }
        }
        try expectRoundTrip(try plainClient(server), server)
        try expectRoundTrip(try secure.client(keys), secure.server)
    }

    @Test func connectionsThatSayNothingDoNotStopService() throws {
        let server = try plainServer()
        let silent = try (0..<50).map { _ in try RawConnection(server.boundEndpoint) }
        try expectRoundTrip(try plainClient(server), server)
        // Each is closed when its time for the handshake is over.
        for connection in silent { #expect(connection.waitForClose()) }
    }
}

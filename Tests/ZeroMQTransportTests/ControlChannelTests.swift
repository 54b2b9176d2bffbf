import Glibc
import Synchronization
import Testing
import ZeroMQTransport

@Suite struct ControlChannelTests {
    private func plainServer(_ endpoint: String = "tcp://127.0.0.1:*") throws -> ControlServer {
        try ControlServer(context: try MessagingContext(), endpoint: endpoint, security: .plain)
    }

    private func plainClient(_ server: ControlServer) throws -> ControlClient {
        try ControlClient(context: try MessagingContext(), endpoint: server.boundEndpoint, security: .plain)
    }

    @Test func bytesTravelBothWaysOverTCP() throws {
        let server = try plainServer()
        #expect(server.boundEndpoint.hasPrefix("tcp://127.0.0.1:"))
        try expectRoundTrip(try plainClient(server), server)
    }

    @Test func bytesTravelBothWaysOverIPC() throws {
        try withTemporaryDirectory { directory in
            let server = try plainServer("ipc://\(directory)/control")
            try expectRoundTrip(try plainClient(server), server)
        }
    }

    @Test func aSocketFileIsItsOwnersOnly() throws {
        try withTemporaryDirectory { directory in
            let server = try plainServer("ipc://\(directory)/control")
            defer { server.close() }
            var status = stat()
            #expect(stat("\(directory)/control", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
        }
    }

    @Test func aThousandMessagesArriveInOrder() throws {
        let server = try plainServer()
        let client = try plainClient(server)
        for number in 0..<1000 { #expect(try client.send(Array("\(number)".utf8))) }
        for number in 0..<1000 { #expect(try server.next().1 == Array("\(number)".utf8)) }
    }

    @Test func eachPeerIsToldApart() throws {
        let server = try plainServer()
        let clients = try (0..<4).map { _ in try plainClient(server) }
        for (number, client) in clients.enumerated() { try client.send([UInt8(number + 1)]) }
        for _ in clients {
            let (peer, bytes) = try server.next()
            #expect(peer == clients[Int(bytes[0]) - 1].identity)
            #expect(peer.address == "127.0.0.1")
            try server.send([bytes[0] + 100], to: PeerIdentity(bytes: peer.bytes))
        }
        for (number, client) in clients.enumerated() { #expect(try client.next() == [UInt8(number + 101)]) }
    }

    @Test func aMessageToNobodyIsUnroutable() throws {
        let server = try plainServer()
        #expect(try server.send([1], to: PeerIdentity(bytes: [9, 9, 9])) == .unroutable)
    }

    @Test func aPeerWhoseConnectionClosedIsNamedOnce() throws {
        let server = try plainServer()
        let staying = try plainClient(server)
        var leaving: ControlClient? = try plainClient(server)
        let lost = try #require(leaving).identity
        try expectRoundTrip(staying, server)
        try expectRoundTrip(try #require(leaving), server)
        leaving?.close()
        leaving = nil
        var told: [PeerIdentity] = []
        try server.serve {
            told += server.takeLostPeers()
            return !told.isEmpty
        }
        #expect(told == [lost])
        #expect(try server.send([1], to: lost) == .unroutable)
        try expectRoundTrip(staying, server)
        #expect(server.takeLostPeers().isEmpty)
    }

    @Test func aFullQueueIsCongestionAndDoesNotBlock() throws {
        var limits = SocketLimits.control
        limits.sendQueueMessages = 4
        let server = try ControlServer(
            context: try MessagingContext(), endpoint: "tcp://127.0.0.1:*", security: .plain, limits: limits)
        let client = try plainClient(server)
        try expectRoundTrip(client, server)
        // The client takes nothing, so queues and buffers fill.
        let block = [UInt8](repeating: 1, count: 1 << 20)
        var delivery = ControlServer.Delivery.queued
        var sent = 0
        while delivery == .queued && sent < 4000 {
            delivery = try server.send(block, to: client.identity)
            sent += 1
        }
        #expect(delivery == .congested)
    }

    @Test func aWakeFromAnotherThreadEndsTheWait() throws {
        let server = try plainServer()
        let waker = server.waker
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(waker).toOpaque()
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Waker>.fromOpaque(argument!).takeRetainedValue().wake()
                return nil
            }, argument)
        // Without the wake this would never return.
        #expect(try server.receive(timeoutMilliseconds: -1) == nil)
        pthread_join(thread, nil)
        // One wake, one early return; the channel works on.
        try expectRoundTrip(try plainClient(server), server)
    }

    @Test func theLastMessageGoesOutBeforeClosing() throws {
        let server = try plainServer()
        let context = try MessagingContext()
        let client = try ControlClient(context: context, endpoint: server.boundEndpoint, security: .plain)
        try client.send(Array("bye".utf8))
        client.close()
        context.terminate()
        #expect(try server.next().1 == Array("bye".utf8))
    }

    @Test func aClientFindsARestartedServer() throws {
        // An address that no other test uses, so that none takes the port in between.
        let first = try plainServer("tcp://127.0.0.77:*")
        let endpoint = first.boundEndpoint
        let client = try plainClient(first)
        try expectRoundTrip(client, first)
        #expect(client.linkState == .connected)
        first.close()
        try client.serve { client.linkState == .disconnected }
        #expect(try #require(client.linkTrouble).contains(endpoint))
        // The old listener closes in the background.
        var second: ControlServer?
        try wait {
            second = try? plainServer(endpoint)
            return second != nil
        }
        try expectRoundTrip(client, try #require(second))
        #expect(client.linkTrouble == nil)
    }

    @Test func aClientWithoutServerSaysSo() throws {
        try withTemporaryDirectory { directory in
            let endpoint = "ipc://\(directory)/nobody"
            let client = try ControlClient(context: try MessagingContext(), endpoint: endpoint, security: .plain)
            try client.serve { client.linkTrouble != nil }
            #expect(client.linkTrouble == "nobody answers at \(endpoint)")
            #expect(client.linkState == .connecting)
        }
    }

    @Test func twoClientsNeverShareAnIdentity() throws {
        let server = try plainServer()
        #expect(try plainClient(server).identity != plainClient(server).identity)
    }

    @Test func aClosedSocketThrowsInsteadOfCrashing() throws {
        let server = try plainServer()
        let client = try plainClient(server)
        client.close()
        #expect(throws: TransportError.self) { try client.send([1]) }
        #expect(throws: TransportError.self) { try client.receive(timeoutMilliseconds: 0) }
        server.close()
        server.close()
        #expect(throws: TransportError.self) { try server.send([1], to: client.identity) }
    }

    @Test func anEndedContextOpensNoSocket() throws {
        let context = try MessagingContext()
        context.terminate()
        #expect(throws: TransportError.self) {
            try Socket(.pair, context: context, limits: .control, security: .plain)
        }
    }
}

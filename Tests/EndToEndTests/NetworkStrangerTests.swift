import ClusterProtocol
import Foundation
import Testing
import ZeroMQTransport

@Suite(
    "Strangers on the network",
    .enabled(if: HostAddress.beyondLoopback != nil, "this host has no IPv4 address but loopback"), .serialized)
struct NetworkStrangerTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// A coordinator on an address of this host that others could reach.
    private func coordinator(_ more: [String] = []) throws -> WaitingCoordinator {
        try WaitingCoordinator(in: scratch, on: "tcp://\(#require(HostAddress.beyondLoopback)):*", more)
    }

    @Test func areKeptOutByKeysThatTheTicketHas() throws {
        let coordinator = try coordinator()
        #expect(coordinator.ticket.keys != nil && requiresEncryption(coordinator.ticket.endpoint))
        try coordinator.expectToTrain()
    }

    @Test func withAnotherKeyAreTurnedAwayAndReported() throws {
        let coordinator = try coordinator()
        let ticket = coordinator.ticket
        let own = try CurveKeyPair.generate()
        let forged = try Ticket(
            endpoint: ticket.endpoint, runID: ticket.runID,
            keys: .init(coordinator: #require(ticket.keys).coordinator, worker: own))
        try forged.write(toFile: scratch.path("forged"))
        let stranger = try scratch.run(["worker", "--join", scratch.path("forged")], within: 30)
        #expect(stranger.code == 8, "\(stranger)")
        #expect(stranger.error.contains("refuses our key"), "\(stranger)")
        try coordinator.process.waitUntil("the report", within: 30) {
            coordinator.process.error.contains(own.publicKey.z85) || !coordinator.process.isRunning
        }
        #expect(coordinator.process.error.contains("not on the allow-list"), "\(coordinator.process.error)")
        try coordinator.expectToTrain()
    }

    @Test func whoTakeAnotherForTheCoordinatorDoNotTalkToIt() throws {
        let coordinator = try coordinator()
        let keys = try #require(coordinator.ticket.keys)
        let client = try ControlClient(
            context: MessagingContext(), endpoint: coordinator.ticket.endpoint,
            security: .curveClient(keys.worker, server: CurveKeyPair.generate().publicKey))
        defer { client.close() }
        try client.send(coordinator.join())
        try coordinator.process.waitUntil("the end of the handshake", within: 30) {
            _ = try client.receive(timeoutMilliseconds: 50)
            return client.linkTrouble != nil
        }
        #expect(client.linkState == .connecting)
        try coordinator.expectToTrain()
        #expect(!coordinator.process.error.contains("elsewhere"), "\(coordinator.process.error)")
    }

    @Test func withoutEncryptionGetNowhere() throws {
        let coordinator = try coordinator()
        let connection = try RawConnection(coordinator.ticket.endpoint)
        connection.introducePlain()
        let frame = coordinator.join()
        connection.write([0, UInt8(frame.count)] + frame)
        #expect(connection.isClosedByPeer(), "a plain connection stays open")
        try coordinator.expectToTrain()
        #expect(!coordinator.process.error.contains("elsewhere"), "\(coordinator.process.error)")
    }

    @Test func areTrustedWithTheDataAndNothingElseWhereTheOperatorSaysSo() throws {
        let coordinator = try coordinator(["--workers", "2", "cluster.encrypt_data=false", "cluster.transport=tcp"])
        #expect(coordinator.ticket.keys != nil && coordinator.ticket.hasPlainData)
        let other = try scratch.start(["worker", "--join", scratch.path("run") + "/ticket"])
        try coordinator.expectToTrain()
        #expect(try other.ending(within: 60).code == 0, "\(other.error)")
        #expect(coordinator.process.error.contains("is not encrypted, as asked for"), "\(coordinator.process.error)")
    }

    @Test func withAKeyOnTheListAreNoStrangers() throws {
        let made = try scratch.run(["keygen", "--out", scratch.path("key")])
        try #require(made.code == 0, "\(made)")
        let list = try scratch.file("allowed", "# who may join\n\(made.lastLine) first-worker\n")
        chmod(list, 0o600)
        try coordinator(["--allow", list]).expectToTrain(worker: ["--key", scratch.path("key")])
    }
}

import ClusterProtocol
import Foundation
import Randomness
import Testing
import ZeroMQTransport

@Suite("Strangers on this host", .serialized)
struct StrangerTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func client(of coordinator: WaitingCoordinator) throws -> ControlClient {
        let ticket = coordinator.ticket
        return try ControlClient(context: MessagingContext(), endpoint: ticket.endpoint, security: ticket.security())
    }

    @Test func ofAnotherProtocolVersionAreToldBothVersions() throws {
        let coordinator = try WaitingCoordinator(in: scratch)
        let other = ProtocolVersion(ProtocolVersion.current.rawValue + 1)
        let client = try client(of: coordinator)
        defer { client.close() }
        try client.send(coordinator.join(other))
        var answer: [UInt8]?
        try coordinator.process.waitUntil("the refusal", within: 30) {
            answer = try client.receive(timeoutMilliseconds: 100)
            return answer != nil
        }
        guard case .otherVersion(let frame) = try IncomingFrame(decoding: #require(answer), as: other) else {
            Issue.record("not a frame of the coordinator's version: \(answer ?? [])")
            return
        }
        let refusal = try #require(frame.refusal)
        #expect(refusal.reason == .wrongVersion)
        #expect(refusal.text.contains("version \(ProtocolVersion.current)"), "\(refusal.text)")
        #expect(refusal.text.contains("version \(other)"), "\(refusal.text)")
        try coordinator.expectToTrain()
        #expect(coordinator.process.error.contains("refused: \(refusal.text)"), "\(coordinator.process.error)")
    }

    @Test func withATicketOfAnotherRunAreRefused() throws {
        let coordinator = try WaitingCoordinator(in: scratch)
        let other = try Ticket(
            endpoint: coordinator.ticket.endpoint, runID: coordinator.ticket.runID ^ 1, keys: nil)
        let worker = try scratch.run(["worker", "--join", other.text], within: 30)
        #expect(worker.code == 8, "\(worker)")
        #expect(worker.error.contains("refused"), "\(worker)")
        try coordinator.expectToTrain()
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func whoSendRandomBytesDoNotDisturbTheRun(seed: UInt64) throws {
        let coordinator = try WaitingCoordinator(in: scratch)
        var random = Philox(key: seed)
        func bytes(upTo limit: Int) -> [UInt8] {
            (0...random.below(limit)).map { _ in UInt8(random.below(256)) }
        }
        // Beneath libzmq, then as its messages, then as messages that begin like ours.
        for _ in 0..<20 { try RawConnection(coordinator.ticket.endpoint).write(bytes(upTo: 2000)) }
        let client = try client(of: coordinator)
        for _ in 0..<20 {
            try client.send(bytes(upTo: 200))
            try client.send(coordinator.join().prefix(14) + bytes(upTo: 200))
        }
        client.close()
        try coordinator.process.waitUntil("the report", within: 30) {
            coordinator.process.error.contains("dropped bytes from") || !coordinator.process.isRunning
        }
        try coordinator.expectToTrain()
    }
}

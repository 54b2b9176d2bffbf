import Foundation
import Testing
import ZeroMQTransport

@Suite struct TicketTests {
    private func encrypted(hasPlainData: Bool = false) throws -> Ticket {
        try Ticket(
            endpoint: "tcp://192.0.2.7:5555", runID: 0xFEDC_BA98_7654_3210,
            keys: Ticket.Keys(
                coordinator: try CurveKeyPair.generate().publicKey, worker: try CurveKeyPair.generate()),
            hasPlainData: hasPlainData)
    }

    @Test func aTicketSurvivesItsText() throws {
        let tickets = [
            try encrypted(), try encrypted(hasPlainData: true),
            try Ticket(endpoint: "ipc:///tmp/ünï", runID: 0, keys: nil),
        ]
        #expect(tickets.map(\.hasPlainData) == [false, true, true])
        for ticket in tickets {
            #expect(try Ticket(text: ticket.text) == ticket)
            #expect(try Ticket(text: "  \(ticket.text)\r\n") == ticket)
            #expect(ticket.text.utf8.allSatisfy { (33...126).contains($0) })
            #expect(ticket.text.hasPrefix("murmur1:"))
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func everyFlippedByteIsNoticed(seed: UInt64) throws {
        let text = Array(try encrypted().text.utf8)
        var random = SeededBytes(seed: seed)
        for index in text.indices {
            var damaged = text
            damaged[index] ^= UInt8(random.next() % 127) + 1
            #expect(throws: TransportError.self, "seed \(seed), byte \(index)") {
                try Ticket(text: String(decoding: damaged, as: UTF8.self))
            }
        }
    }

    @Test func everyTruncationIsNoticed() throws {
        let text = try encrypted().text
        for length in 0..<text.count {
            #expect(throws: TransportError.self) { try Ticket(text: String(text.prefix(length))) }
        }
        #expect(throws: TransportError.self) { try Ticket(text: text + "A") }
        #expect(throws: TransportError.self) { try Ticket(text: text + text) }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func noiseIsNoTicket(seed: UInt64) throws {
        var random = SeededBytes(seed: seed)
        let noise = String(decoding: random.bytes(Int(random.next() % 300)), as: UTF8.self)
        #expect(throws: TransportError.self) { try Ticket(text: noise) }
        let letters = random.bytes(180).map { Array("ABCxyz019-_".utf8)[Int($0) % 11] }
        #expect(throws: TransportError.self) { try Ticket(text: "murmur1:" + String(decoding: letters, as: UTF8.self)) }
    }

    @Test func errorsSayWhatIsWrongAndQuoteNothing() throws {
        let text = try encrypted().text
        let other = try transportError { _ = try Ticket(text: "murmur2:" + text.dropFirst(8)) }
        #expect(other.description.contains("another version"))
        let cut = try transportError { _ = try Ticket(text: String(text.dropLast(4))) }
        #expect(cut.description.contains("damaged or incomplete"))
        #expect(!cut.description.contains(text.dropFirst(60).prefix(20)))
    }

    @Test func aPlainTicketDoesNotLeaveTheHost() throws {
        #expect(throws: TransportError.self) { try Ticket(endpoint: "tcp://192.0.2.7:5555", runID: 1, keys: nil) }
        #expect(throws: TransportError.self) { try Ticket(endpoint: "", runID: 1, keys: nil) }
    }

    @Test func aTicketFileIsPrivateAndCanBeReplaced() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/ticket"
            try encrypted().write(toFile: path)
            let ticket = try encrypted()
            try ticket.write(toFile: path)
            let mode = try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
            #expect(mode == 0o600)
            #expect(try Ticket(file: path) == ticket)
            #expect(try Ticket(textOrFile: path) == ticket)
            #expect(try Ticket(textOrFile: ticket.text) == ticket)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["ticket"])
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            #expect(throws: TransportError.self) { try Ticket(file: path) }
        }
    }

    @Test func theHolderOfATicketIsAdmitted() throws {
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        secure.authenticator.allow(keys.publicKey, in: .control)
        let ticket = try Ticket(
            endpoint: secure.server.boundEndpoint, runID: 7,
            keys: Ticket.Keys(coordinator: secure.keys.publicKey, worker: keys))
        let received = try Ticket(text: ticket.text)
        let client = try ControlClient(
            context: try MessagingContext(), endpoint: received.endpoint, security: received.security())
        try expectRoundTrip(client, secure.server)
    }
}

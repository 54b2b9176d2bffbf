import Testing
import ZeroMQTransport

@Suite struct AuthenticationTests {
    @Test func aListedKeyIsAdmittedAndProven() throws {
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        secure.authenticator.allow(keys.publicKey, in: .control)
        let client = try secure.client(keys)
        try client.send([1])
        let (peer, bytes) = try secure.server.next()
        #expect(bytes == [1])
        #expect(peer.publicKey == keys.publicKey)
        try expectRoundTrip(client, secure.server)
        #expect(secure.authenticator.denialCount == 0)
    }

    @Test func anUnlistedKeyIsRefusedAndNamed() throws {
        let secure = try SecureServer()
        let stranger = try CurveKeyPair.generate()
        let client = try secure.client(stranger)
        try client.send([1])
        try client.serve { !secure.denials.all.isEmpty && client.linkTrouble != nil }
        let denial = try #require(secure.denials.all.first)
        #expect(denial.key == stranger.publicKey.z85)
        #expect(denial.address == "127.0.0.1")
        #expect(denial.reason == .notListed)
        #expect(try #require(client.linkTrouble).contains("allow-list"))
        #expect(client.linkState == .connecting)
        #expect(try secure.server.receive(timeoutMilliseconds: 100) == nil)
    }

    @Test func aClientThatExpectsAnotherServerDoesNotGetIn() throws {
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        secure.authenticator.allow(keys.publicKey, in: .control)
        let client = try secure.client(keys, server: try CurveKeyPair.generate().publicKey)
        try client.send([1])
        try secure.server.serve { !secure.warnings.all.isEmpty }
        #expect(try #require(secure.warnings.all.first).contains("wrong key"))
        try client.serve { client.linkTrouble != nil }
        #expect(client.linkState == .connecting)
        #expect(secure.authenticator.admissionCount == 0)
        #expect(try secure.server.receive(timeoutMilliseconds: 100) == nil)
    }

    @Test func aPlainClientDoesNotGetIntoAnEncryptedServer() throws {
        let secure = try SecureServer()
        let client = try ControlClient(
            context: try MessagingContext(), endpoint: secure.server.boundEndpoint, security: .plain)
        try client.send([1])
        try secure.server.serve { !secure.warnings.all.isEmpty }
        #expect(client.linkState == .connecting)
        #expect(try secure.server.receive(timeoutMilliseconds: 100) == nil)
    }

    @Test func aKeyListedLaterLetsAWaitingClientIn() throws {
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        let client = try secure.client(keys)
        try client.serve { secure.authenticator.denialCount > 0 }
        secure.authenticator.allow(keys.publicKey, in: .control)
        try client.serve { client.linkState == .connected }
        try expectRoundTrip(client, secure.server)
    }

    @Test func aRemovedKeyIsHeardNoMoreAndNotAdmittedAgain() throws {
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        secure.authenticator.allow(keys.publicKey, in: .control)
        let client = try secure.client(keys)
        try expectRoundTrip(client, secure.server)
        secure.authenticator.remove(keys.publicKey, from: .control)
        try client.send([1])
        try secure.server.serve { !secure.warnings.all.isEmpty }
        #expect(try #require(secure.warnings.all.first).contains("no longer on the allow-list"))
        let again = try secure.client(keys)
        try again.serve { again.linkTrouble != nil }
        #expect(secure.authenticator.denialCount > 0)
        #expect(again.linkState == .connecting)
    }

    @Test func theDomainsHaveListsOfTheirOwn() throws {
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        secure.authenticator.setAllowed([keys.publicKey], in: .data)
        let client = try secure.client(keys)
        try client.serve { secure.authenticator.denialCount > 0 }
        let listener = try Socket(
            .pair, context: secure.context, limits: .data, security: .curveServer(secure.keys, domain: .data))
        let endpoint = try listener.bind("tcp://127.0.0.1:*")
        let neighbour = try Socket(
            .pair, context: try MessagingContext(), limits: .data,
            security: .curveClient(keys, server: secure.keys.publicKey))
        try neighbour.connect(endpoint)
        try neighbour.send([5], waits: true)
        #expect(try listener.receive(timeoutMilliseconds: patience) == [[5]])
        #expect(!secure.authenticator.isAllowed(keys.publicKey, in: .control))
    }

    @Test func refusalsOfOnePeerAreCountedAndToldSparsely() throws {
        let secure = try SecureServer()
        let client = try secure.client(try CurveKeyPair.generate())
        // libzmq tries again and again.
        try client.serve { secure.authenticator.denialCount >= 3 }
        #expect(secure.denials.all.map(\.count) == [1])
    }

    @Test func aStoppedAuthenticatorAdmitsNobody() throws {
        let secure = try SecureServer()
        let keys = try CurveKeyPair.generate()
        secure.authenticator.allow(keys.publicKey, in: .control)
        secure.authenticator.stop()
        let client = try secure.client(keys)
        try client.send([1])
        try client.serve { client.linkTrouble != nil }
        #expect(client.linkState == .connecting)
        #expect(try secure.server.receive(timeoutMilliseconds: 100) == nil)
    }

    @Test func anEncryptedServerNeedsAnAuthenticator() throws {
        let context = try MessagingContext()
        let keys = try CurveKeyPair.generate()
        let error = try transportError {
            _ = try Socket(.router, context: context, limits: .control, security: .curveServer(keys, domain: .control))
        }
        #expect(error.description.contains("no authenticator"))
    }

    @Test func theAuthenticatorComesFirst() throws {
        let context = try MessagingContext()
        _ = try Socket(.pair, context: context, limits: .control, security: .plain)
        let error = try transportError { _ = try Authenticator(context: context) { _ in } }
        #expect(error.description.contains("before the context's first socket"))
    }
}

import Coordination
import Foundation
import ZeroMQTransport

/// The coordinator's port, who may enter it, and the ticket that admits workers.
final class CoordinatorChannel {
    let server: ControlServer
    let ticket: Ticket
    /// Keeps the ZAP handler alive; nil where nothing is encrypted.
    private let authenticator: Authenticator?
    private let context: MessagingContext

    /// Binds the control port; encrypted wherever the endpoint leaves this host.
    ///
    /// - Parameters:
    ///   - endpoint: `tcp://host:port`, where port may be `*`, or `ipc://…`.
    ///   - encryptsData: whether the workers encrypt what they exchange as well.
    ///   - admitted: public keys of workers that come with a key of their own instead of the ticket's.
    ///   - warning: takes one line when somebody is turned away or a message dropped, on whichever thread sees it.
    init(
        endpoint: String, runID: UInt64, encryptsData: Bool, admitted: Set<CurvePublicKey>,
        warning: @escaping @Sendable (String) -> Void
    ) throws {
        context = try MessagingContext()
        guard requiresEncryption(endpoint) else {
            authenticator = nil
            server = try ControlServer(context: context, endpoint: endpoint, security: .plain, report: warning)
            ticket = try Ticket(endpoint: server.boundEndpoint, runID: runID, keys: nil)
            return
        }
        let serverKeys = try CurveKeyPair.generate()
        let workerKeys = try CurveKeyPair.generate()
        let authenticator = try Authenticator(context: context) { warning("\($0)") }
        authenticator.setAllowed(admitted.union([workerKeys.publicKey]), in: .control)
        self.authenticator = authenticator
        server = try ControlServer(
            context: context, endpoint: endpoint, security: .curveServer(serverKeys, domain: .control),
            authenticator: authenticator, report: warning)
        ticket = try Ticket(
            endpoint: NetworkAddress.advertised(server.boundEndpoint), runID: runID,
            keys: .init(coordinator: serverKeys.publicKey, worker: workerKeys), hasPlainData: !encryptsData)
        if !encryptsData {
            warning(
                "what workers exchange is not encrypted, as asked for: "
                    + "whoever is on their network can read and change it")
        }
    }

    /// - Returns: false when the connection is not there (any more).
    func send(_ bytes: [UInt8], to connection: ConnectionID) -> Bool {
        guard case .queued? = try? server.send(bytes, to: PeerIdentity(bytes: connection.bytes)) else { return false }
        return true
    }

    /// Stops listening once the last messages are out.
    func close() {
        server.close()
        authenticator?.stop()
        context.terminate()
    }
}

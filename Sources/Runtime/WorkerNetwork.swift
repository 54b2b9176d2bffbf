import ClusterProtocol
import ZeroMQTransport

/// A worker's sockets: the control channel to the coordinator, and the ports at which the other workers reach it.
///
/// Each has a messaging context of its own: the control channel's can be ended in order, its last words sent, while the
/// training thread still holds the data port.
struct WorkerNetwork {
    let control: ControlClient
    let port: DataPort
    /// For gradients that travel while the training thread computes; with the keys of `port`, and for the same peers.
    let gradientPort: DataPort
    /// What the system may hold of gradients on their way. What stands in its queue the small messages of synchronised batch
    /// norm, which backward waits for, have to stand behind: 2 ms of a line of 1 Gbit/s.
    private static let gradientSendBytes: Int32 = 256 << 10
    private let controlContext: MessagingContext
    private let dataKeys: CurveKeyPair?
    /// Who may enter the data port; nil where nothing is encrypted.
    private let authenticator: Authenticator?

    /// - Throws: `TransportError`.
    init(_ options: WorkerProcess.Options, denied: @escaping @Sendable (String) -> Void) throws {
        let ticket = options.ticket
        controlContext = try MessagingContext()
        let dataContext = try MessagingContext(ioThreads: options.ioThreads)
        let keys = try ticket.hasPlainData ? nil : CurveKeyPair.generate()
        dataKeys = keys
        // Before the context's first socket, as libzmq asks the handler it finds when a connection comes in.
        authenticator = try keys == nil ? nil : Authenticator(context: dataContext) { denied("\($0)") }
        // The ticket comes from the run's operator, and with keys of its own.
        let trustsNetwork = ticket.keys != nil && ticket.hasPlainData
        func makePort(kernelSendBytes: Int32?) throws -> DataPort {
            try DataPort(
                context: dataContext, bind: Self.dataEndpoint(options), keys: keys, trustsNetwork: trustsNetwork,
                kernelSendBytes: kernelSendBytes)
        }
        port = try makePort(kernelSendBytes: nil)
        gradientPort = try makePort(kernelSendBytes: Self.gradientSendBytes)
        control = try ControlClient(
            context: controlContext, endpoint: ticket.endpoint, security: ticket.security(ownKeys: options.keys))
    }

    /// What others connect to.
    var dataEndpoint: String { port.endpoint }

    /// 32 bytes, or none where nothing is encrypted.
    var dataPublicKey: [UInt8] { dataKeys?.publicKey.bytes ?? [] }

    /// Lets the members of a generation, and nobody else, into the data ports.
    func admit(_ members: [RingMember]) {
        guard let authenticator else { return }
        let keys = members.compactMap { try? CurvePublicKey(bytes: $0.dataPublicKey) }
        authenticator.setAllowed(Set(keys), in: .data)
    }

    /// Ends the control channel once its last messages are out.
    func closeControl() {
        control.close()
        controlContext.terminate()
    }

    /// The ring of a local run takes the coordinator's transport; any other is on the address that reaches it.
    private static func dataEndpoint(_ options: WorkerProcess.Options) throws -> String {
        let coordinator = options.ticket.endpoint
        if coordinator.hasPrefix("ipc://"), options.bindHost == nil {
            var random = SystemRandomNumberGenerator()
            // An abstract socket leaves no file behind.
            return "ipc://@murmur-\(options.ticket.runID)-\(random.next())"
        }
        return "tcp://\(try NetworkAddress.forData(coordinator: coordinator, override: options.bindHost)):*"
    }
}

extension PeerAddress {
    /// - Throws: `TransportError` where the member's key is none.
    init(_ member: RingMember) throws {
        self.init(
            endpoint: member.dataEndpoint,
            publicKey: try member.dataPublicKey.isEmpty ? nil : CurvePublicKey(bytes: member.dataPublicKey))
    }
}

import ClusterProtocol
import Coordination
import Foundation
import ZeroMQTransport

/// The coordinator of one run: listens, carries out what its state machine says, and returns how the run ended.
///
/// One thread owns it.
public final class CoordinatorProcess {
    /// What a run tells its coordinator, step by step.
    public struct Handlers {
        /// A step's record as rank 0 sent it: one line of JSON.
        public var record: (_ step: Int, _ line: [UInt8]) throws -> Void = { _, _ in }
        /// Something to be read by the user; the flag says whether it is a warning.
        public var log: (_ text: String, _ isWarning: Bool) -> Void = { _, _ in }

        public init() {}
    }

    private let channel: CoordinatorChannel
    private var machine: CoordinatorMachine
    private let children: ChildProcesses
    private let handlers: Handlers
    private let host = ProcessInfo.processInfo.hostName
    private let stopRequests = Mailbox<Void>()
    private var outcome: Outcome?
    /// What a handler threw: the run is stopped and this is what is reported.
    private var handlerFailure: (any Error)?

    init(
        channel: CoordinatorChannel, configuration: CoordinatorConfiguration, children: ChildProcesses,
        handlers: Handlers
    ) {
        self.channel = channel
        self.children = children
        self.handlers = handlers
        machine = CoordinatorMachine(configuration: configuration, now: MonotonicClock.milliseconds)
    }

    /// Serves until the run has ended.
    ///
    /// - Returns: rank 0's result, where there is one.
    /// - Throws: `Failure` with the run's exit code, or what a handler threw.
    func run() throws -> [UInt8] {
        let signals = Signals { [stopRequests, waker = channel.server.waker] in
            stopRequests.put(())
            waker.wake()
        }
        defer { withExtendedLifetime(signals) {} }
        while outcome == nil {
            let received = try channel.server.receive(timeoutMilliseconds: 50)
            let now = MonotonicClock.milliseconds
            if let (peer, bytes) = received {
                perform(machine.handle(Self.event(from: bytes, peer, now: now)), now: now)
            }
            for peer in channel.server.takeLostPeers() {
                perform(machine.handle(.connectionUndeliverable(ConnectionID(peer.bytes), now: now)), now: now)
            }
            for exit in children.reap() {
                perform(
                    machine.handle(.workerProcessExited(host: host, pid: exit.pid, status: exit.status, now: now)),
                    now: now)
            }
            for _ in stopRequests.drain() { perform(machine.handle(.stopRequested(now: now)), now: now) }
            perform(machine.handle(.tick(now: now)), now: now)
        }
        channel.close()
        if let handlerFailure { throw handlerFailure }
        return try result(of: outcome!)
    }

    private func result(of outcome: Outcome) throws -> [UInt8] {
        guard outcome.exitCode == Coordination.ExitCode.success else {
            throw Failure(ExitCode(rawValue: outcome.exitCode) ?? .internalError, outcome.text)
        }
        return outcome.result ?? []
    }

    private static func event(
        from bytes: [UInt8], _ peer: PeerIdentity, now: UInt64
    ) -> CoordinatorMachine.Event {
        let connection = ConnectionID(peer.bytes)
        do {
            return .received(try IncomingFrame(decoding: bytes), from: connection, now: now)
        } catch {
            return .malformed(error, from: connection, now: now)
        }
    }

    private func perform(_ directives: [CoordinatorMachine.Directive], now: UInt64) {
        for directive in directives {
            switch directive {
            case .send(let frame, let connection):
                if !channel.send(frame.encoded(), to: connection) {
                    perform(machine.handle(.connectionUndeliverable(connection, now: now)), now: now)
                }
            case .record(let progress):
                record(progress, now: now)
            case .log(let line):
                if line.severity >= .info { handlers.log(line.description, line.severity >= .warning) }
            case .ended(let outcome):
                self.outcome = outcome
            }
        }
    }

    private func record(_ progress: CoordinatorMachine.Progress, now: UInt64) {
        do {
            try handlers.record(Int(progress.step), progress.payload)
        } catch  where handlerFailure == nil {
            handlerFailure = error
            perform(machine.handle(.stopRequested(now: now)), now: now)
        } catch {
            // The first failure is the one to report.
        }
    }
}

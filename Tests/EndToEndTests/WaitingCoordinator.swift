import ClusterProtocol
import Foundation
import Testing
import ZeroMQTransport

/// A running `murmur coordinator` that waits for one worker to train five steps.
struct WaitingCoordinator {
    let scratch: Scratch
    let process: MurmurProcess
    let ticket: Ticket

    /// - Parameters:
    ///   - endpoint: where to listen.
    ///   - more: further words of the command line.
    init(in scratch: Scratch, on endpoint: String = "tcp://127.0.0.1:*", _ more: [String] = []) throws {
        self.scratch = scratch
        let images = try ImageFolder.make(in: scratch)
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 5))
        process = try scratch.start(
            ["coordinator", configuration, "--listen", endpoint, "--out", scratch.path("run")] + more)
        ticket = try Ticket(file: scratch.ticket(of: process, run: "run"))
    }

    /// A worker comes with the ticket, and the run ends as if nothing had been before.
    func expectToTrain(worker more: [String] = []) throws {
        #expect(process.isRunning, "\(process.error)")
        let worker = try scratch.run(["worker", "--join", scratch.path("run") + "/ticket"] + more, within: 60)
        #expect(worker.code == 0, "\(worker)")
        let ending = try process.ending(within: 60)
        #expect(ending.code == 0, "\(ending)")
        #expect(!ending.error.contains("Fatal error"), "\(ending)")
        #expect(try scratch.losses(of: "run").count == 5)
    }

    /// The frame with which somebody from the host `elsewhere` asks to join.
    func join(_ version: ProtocolVersion = .current) -> [UInt8] {
        let join = Message.Join(
            incarnation: Incarnation(1, 2), host: "elsewhere", pid: 1, threads: 1, dataEndpoint: "tcp://127.0.0.1:1")
        let runID = RunID(ticket.runID)
        return Frame(version: version, runID: runID, generation: .none, message: .join(join)).encoded()
    }
}

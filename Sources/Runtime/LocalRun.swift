import Foundation

/// A short job on workers of this host, without a run directory.
enum LocalRun {
    /// - Returns: rank 0's result.
    static func serve(_ job: JobSpecification, workers: Int, transport: ClusterRun.Transport) throws -> [UInt8] {
        let runID = ClusterRun.freshID()
        let run = ClusterRun(job: job, runID: runID, maximumRanks: workers, rankZeroNeedsRunDirectory: false)
        var handlers = CoordinatorProcess.Handlers()
        let logger = Logger(role: "coordinator")
        handlers.log = { text, isWarning in if isWarning { logger.line(text) } }
        return try run.serve(
            .init(
                endpoint: ClusterRun.localEndpoint(transport: transport, runID: runID), workers: workers,
                spawnsWorkers: true),
            handlers: handlers)
    }
}

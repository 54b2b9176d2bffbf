import Foundation

/// A short job without a run directory.
enum LocalRun {
    /// - Parameters:
    ///   - listen: where workers of any host come to by themselves; nil starts them on this host.
    ///   - encryptsData: whether those that leave this host encrypt what they exchange.
    ///   - ticketPath: where to put the ticket; nil for a temporary place.
    /// - Returns: rank 0's result.
    static func serve(
        _ job: JobSpecification, workers: Int, transport: ClusterRun.Transport, listen: String? = nil,
        encryptsData: Bool = true, ticketPath: String? = nil
    ) throws -> [UInt8] {
        let runID = ClusterRun.freshID()
        let run = ClusterRun(job: job, runID: runID, maximumRanks: workers, rankZeroNeedsRunDirectory: false)
        var handlers = CoordinatorProcess.Handlers()
        let logger = Logger(role: "coordinator")
        handlers.log = { text, isWarning in if isWarning { logger.line(text) } }
        var options = ClusterRun.Options(
            endpoint: listen ?? ClusterRun.localEndpoint(transport: transport, runID: runID), workers: workers,
            spawnsWorkers: listen == nil, ticketPath: ticketPath)
        options.encryptsData = encryptsData
        return try run.serve(options, handlers: handlers) { ticket in
            if listen != nil, ticketPath == nil {
                logger.line("a worker joins with: murmur worker --join \(ticket.text)")
            }
        }
    }
}

import Checkpoints
import Configuration
import Evaluation
import Foundation
import Training
import ZeroMQTransport

/// A training run from its configuration file to its report: what `murmur train` and `murmur coordinator` share.
public struct TrainingLaunch {
    private let run: ResolvedRun
    private let directory: RunDirectory
    /// The checkpoint to go on from, and the steps it has done.
    private let resumed: (path: String, step: Int)?
    /// Absolute; nil where no trace is asked for.
    private let tracePath: String?

    /// Checks everything that can be checked before a process is started.
    ///
    /// - Parameter tracePath: where rank 0 writes the trace; relative to the working directory.
    /// - Throws: configuration, dataset, checkpoint and file errors, each one line.
    public init(
        configurationPath: String, overrides: [String], runDirectory: String, resumes: Bool, tracePath: String? = nil
    ) throws {
        run = try ResolvedRun(configurationPath: configurationPath, overrides: overrides)
        let configuration = run.configuration
        directory = RunDirectory(path: runDirectory)
        if resumes {
            resumed = try Self.checkpoint(in: directory, for: configuration)
            try directory.createFolder()
        } else {
            resumed = nil
            try directory.create()
        }
        // After the directory is made, in which it may be.
        self.tracePath = try tracePath.map { path in
            let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
            try TraceFile.check(path: absolute)
            return absolute
        }
        try directory.write(configuration.resolvedYAML, to: directory.configurationPath)
    }

    private var configuration: RunConfiguration { run.configuration }
    private var plan: TrainingPlan { run.plan }

    /// Trains with `workers` processes on this machine.
    public func train(workers: Int) throws {
        let runID = ClusterRun.freshID()
        try serve(
            runID: runID,
            options(
                endpoint: ClusterRun.localEndpoint(transport: run.localTransport, runID: runID), workers: workers,
                spawns: true))
    }

    /// Coordinates `workers` that come with the ticket.
    ///
    /// - Parameter allowedKeysPath: a file of public keys that are admitted beside the ticket's.
    public func coordinate(workers: Int, endpoint: String, allowedKeysPath: String?) throws {
        var options = options(endpoint: endpoint, workers: workers, spawns: false)
        options.admittedKeys = try allowedKeysPath.map { try AllowList.read(file: $0) } ?? []
        try serve(runID: ClusterRun.freshID(), options)
    }

    private func options(endpoint: String, workers: Int, spawns: Bool) -> ClusterRun.Options {
        var options = ClusterRun.Options(
            endpoint: endpoint, workers: workers, spawnsWorkers: spawns, ticketPath: directory.ticketPath)
        options.encryptsData = configuration.cluster.encryptsData
        options.joinTimeoutMilliseconds = UInt64(configuration.cluster.joinTimeout * 1000)
        options.silenceMilliseconds = UInt64(configuration.cluster.silenceLimit * 1000)
        return options
    }

    private func serve(runID: UInt64, _ options: ClusterRun.Options) throws {
        try directory.mark(runID: runID)
        if let tracePath { try TraceFile(path: tracePath, runID: runID).create() }
        let log = try RunLog(path: directory.logPath, keptSteps: resumed?.step ?? 0)
        let progress = ProgressPrinter(totalSteps: plan.totalSteps, every: configuration.progress.every)
        let run = ClusterRun(
            job: JobSpecification(
                work: .train(
                    .init(
                        configuration: configuration, runDirectory: directory.path, resumeFrom: resumed?.path)),
                collectives: CollectiveSettings(configuration), tracePath: tracePath),
            runID: runID, maximumRanks: plan.sliceCount, rankZeroNeedsRunDirectory: true)
        let started = Date()
        let logger = Logger(role: "coordinator")
        var handlers = CoordinatorProcess.Handlers()
        handlers.record = { _, line in
            try log.append(line)
            if let record = StepRecord(jsonLine: line) { progress.show(record) }
        }
        handlers.log = { text, _ in
            progress.breakLine()
            logger.line(text)
        }
        if let resumed { logger.line("resuming after step \(resumed.step) from \(resumed.path)") }
        let announces = !options.spawnsWorkers
        _ = try run.serve(options, handlers: handlers) { ticket in
            guard announces else { return }
            let text = "listening on \(ticket.endpoint); a worker joins with\n  murmur worker --join \(ticket.text)\n"
            FileHandle.standardOutput.write(Data(text.utf8))
        }
        progress.breakLine()
        try writeReport(seconds: Date().timeIntervalSince(started))
    }

    private func writeReport(seconds: Double) throws {
        let records = try RunLog.lines(of: directory.logPath)
        let report = RunReport(
            records: records, plan: plan, seconds: seconds,
            checkpoint: try directory.checkpoints.latest().location?.path)
        try directory.write(report.json(), to: directory.reportPath)
        do {
            try LossCurve.write(log: directory.logPath, to: directory.lossCurvePath)
        } catch let error as EvaluationError {
            throw Failure(.checkpoint, error.description)
        }
    }

    /// The newest good checkpoint of a run that this configuration may go on with.
    private static func checkpoint(
        in directory: RunDirectory, for configuration: RunConfiguration
    ) throws -> (path: String, step: Int)? {
        let (newest, warnings) = try directory.checkpoints.latest()
        for warning in warnings { Logger.command.line(warning) }
        guard let latest = newest else { return nil }
        let differences = configuration.differences(fromTrajectory: latest.manifest.configuration)
        guard differences.isEmpty else {
            throw Failure(
                .checkpoint,
                "\(latest.path) is of another configuration: \(differences.joined(separator: "; ")): "
                    + "set these back, or start a new run with another --out")
        }
        return (latest.path, latest.step)
    }
}

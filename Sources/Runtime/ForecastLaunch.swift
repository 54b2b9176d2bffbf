import Configuration
import Foundation
import Training

/// `murmur plan`: what a run will take, from a few small steps of it on this machine.
public struct ForecastLaunch {
    public let configuration: RunConfiguration
    public let cluster: RunForecast.Cluster
    public let measurement: ProbeMeasurement
    public let forecast: RunForecast
    /// Of the whole run.
    public let plan: TrainingPlan

    /// Takes the probe.
    ///
    /// - Throws: configuration and dataset errors before any process is started, each one line.
    public init(
        configurationPath: String, overrides: [String], workers: Int, hosts: Int, lineRate: Double?
    ) throws {
        let run = try ResolvedRun(configurationPath: configurationPath, overrides: overrides)
        configuration = run.configuration
        plan = run.plan
        guard workers <= plan.sliceCount else {
            throw Failure(
                .usage,
                "--workers \(workers) is more than the \(plan.sliceCount) slices of a batch: lower slice_size, or workers"
            )
        }
        guard hosts <= workers else {
            throw Failure(.usage, "--hosts \(hosts) is more than --workers, which is \(workers)")
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        cluster = RunForecast.Cluster(workers: workers, hosts: hosts, cores: cores, lineRate: lineRate)
        // As many as the run has on a host, or as have a core.
        let ranks = max(1, min(cluster.workersPerHost, cores / configuration.threads))
        let slices = (plan.sliceCount + workers - 1) / workers
        let job = JobSpecification(
            work: .probe(.init(configuration: configuration, slices: slices)),
            collectives: CollectiveSettings(configuration))
        let result = try LocalRun.serve(job, workers: ranks, transport: run.localTransport)
        measurement = try JSONDecoder().decode(ProbeMeasurement.self, from: Data(result))
        forecast = RunForecast(measurement, of: configuration, on: cluster)
    }

    /// What makes the run fit into `limit` bytes a worker.
    public func advice(limit: Int) -> [String] {
        RunForecast.advice(measurement, of: configuration, on: cluster, limit: limit)
    }

    /// What a worker of this host may take of the memory that is free now.
    public var freeMemoryPerWorker: Int? {
        SystemMemory.available.map { $0 / cluster.workersPerHost }
    }
}

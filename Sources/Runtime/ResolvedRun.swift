import Configuration
import Foundation
import ImagePipeline
import Training

/// A run's configuration with everything that depends on its data filled in, and the numbers that follow: what is checked
/// before any process is started.
struct ResolvedRun {
    let configuration: RunConfiguration
    let plan: TrainingPlan

    /// - Throws: configuration and dataset errors, each one line.
    init(configurationPath: String, overrides: [String]) throws {
        var configuration = try RunConfiguration.read(file: configurationPath, overrides: overrides)
        configuration.data = URL(fileURLWithPath: configuration.data).standardizedFileURL.path
        let dataset = try ImageDatasets.open(configuration.data, split: .train)
        try configuration.resolve(data: DatasetTraits(of: dataset))
        self.configuration = configuration
        plan = try TrainingPlan(configuration, datasetCount: dataset.count)
    }

    /// How workers that are started on this host reach the coordinator.
    var localTransport: ClusterRun.Transport { configuration.cluster.transport == .ipc ? .ipc : .tcp }
}

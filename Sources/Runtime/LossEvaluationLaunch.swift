import Foundation
import Training

/// `murmur loss`: a method's loss over real worker processes.
public enum LossEvaluationLaunch {
    /// - Parameters:
    ///   - settings: words of the form `name=value`.
    /// - Returns: the loss of the global batch.
    public static func run(
        method name: String, input: String, output: String, workers: Int, settings words: [String]
    ) throws -> Double {
        let method = try LossMethod.named(name)
        var settings: [String: Double] = [:]
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard method.settings[parts[0]] != nil else {
                let known = method.settings.keys.sorted().joined(separator: ", ")
                throw Failure(.usage, "loss \(name) has no setting '\(parts[0])': it takes \(known)")
            }
            guard let value = Double(parts[1]), value.isFinite, value > 0 else {
                throw Failure(.usage, "\(parts[0]) takes a positive number, not '\(parts[1])'")
            }
            settings[parts[0]] = value
        }
        let job = JobSpecification(
            work: .loss(
                .init(
                    method: name, input: URL(fileURLWithPath: input).path,
                    output: URL(fileURLWithPath: output).path, settings: settings)),
            collectives: CollectiveSettings())
        let result = try LocalRun.serve(job, workers: workers, transport: .tcp)
        guard let loss = Double(String(decoding: result, as: UTF8.self)) else {
            throw Failure(.internalError, "rank 0 sent no loss")
        }
        return loss
    }
}

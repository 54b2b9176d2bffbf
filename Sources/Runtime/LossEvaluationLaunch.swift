import Foundation
import Training

/// `murmur loss`: a method's loss over real worker processes.
public enum LossEvaluationLaunch {
    /// What every method takes, as lines for a terminal.
    public static var help: [String] { LossMethod.help }

    /// The tensors that a method's loss is computed from, a line each; empty where there is no `murmur loss` for it.
    public static func inputs(of method: String) -> [String] {
        let inputs = LossMethod.all.first { $0.name == method }?.inputs ?? []
        let width = inputs.map(\.name.count).max() ?? 0
        return inputs.map { input in
            let name = input.name + String(repeating: " ", count: width - input.name.count)
            let shape = "[\(input.dimensions.joined(separator: ", "))]"
            return "\(name)  \(shape)\(input.role == .constant ? ", without gradient" : "")"
        }
    }

    /// - Parameters:
    ///   - settings: words of the form `name=value`.
    ///   - isSingle: in float32 instead of float64.
    /// - Returns: the loss of the global batch.
    /// - Throws: before any worker is started, `TrainingError` for a method, a setting or an input that does not fit.
    public static func run(
        method name: String, input: String, output: String, workers: Int, settings words: [String], isSingle: Bool
    ) throws -> Double {
        let method = try LossMethod.named(name)
        let settings = try method.settings(from: words)
        let input = URL(fileURLWithPath: input).path
        _ = try method.checked(LossRun.tensors(of: input), as: isSingle ? .float32 : .float64)
        let job = JobSpecification(
            work: .loss(
                .init(
                    method: name, input: input, output: URL(fileURLWithPath: output).path, settings: settings,
                    isSingle: isSingle)),
            collectives: CollectiveSettings())
        let result = try LocalRun.serve(job, workers: workers, transport: .tcp)
        guard let loss = Double(String(decoding: result, as: UTF8.self)) else {
            throw Failure(.internalError, "rank 0 sent no loss")
        }
        return loss
    }
}

import Collectives
import Contrastive
import Torch

/// The value and the gradients of a method's global loss.
public struct LossEvaluation {
    /// Over the global batch; the same on every rank.
    public let loss: Double
    /// Of the global loss by input name; complete on every rank.
    public let gradients: [String: Tensor]
}

/// A method's loss as a function of whole embedding matrices, cut over the ranks of a communicator: what
/// `murmur loss` runs, through the same gathers and the same loss code as training.
public enum LossMethod: String, CaseIterable, Sendable {
    case simclr

    /// - Throws: `TrainingError` listing the methods there are.
    public static func named(_ name: String) throws -> LossMethod {
        guard let method = LossMethod(rawValue: name) else {
            let known = allCases.map(\.rawValue).joined(separator: ", ")
            throw TrainingError.configuration("there is no loss '\(name)': choose one of \(known)")
        }
        return method
    }

    /// The names of the tensors a method reads, all `[N, D]` before normalisation.
    public var inputNames: [String] {
        switch self {
        case .simclr: return ["z1", "z2"]
        }
    }

    /// The settings a method takes, with their defaults.
    public var settings: [String: Double] {
        switch self {
        case .simclr: return ["temperature": 0.2]
        }
    }

    /// Evaluates the loss with N rows cut as evenly as possible over the ranks.
    ///
    /// - Throws: `TrainingError` where an input is missing or of another shape, and what the collectives throw.
    public func evaluate(
        inputs: [String: Tensor], settings: [String: Double], over communicator: Communicator
    ) throws -> LossEvaluation {
        let views = try inputNames.map { name in
            guard let tensor = inputs[name] else {
                throw TrainingError.configuration(
                    "loss \(rawValue) needs the tensors \(inputNames.joined(separator: ", ")); '\(name)' is missing")
            }
            return tensor
        }
        guard views.allSatisfy({ $0.dimensions == 2 && $0.shape == views[0].shape && $0.count > 0 }) else {
            let shapes = zip(inputNames, views).map { "\($0) \($1.shape)" }.joined(separator: ", ")
            throw TrainingError.configuration("loss \(rawValue) needs matrices [N, D] of one shape, not \(shapes)")
        }
        let settings = self.settings.merging(settings) { $1 }
        switch self {
        case .simclr: return try simCLR(views, temperature: settings["temperature"]!, communicator)
        }
    }

    private func simCLR(
        _ views: [Tensor], temperature: Double, _ communicator: Communicator
    ) throws -> LossEvaluation {
        let count = views[0].shape[0]
        let ranks = communicator.size
        let rows = (0..<ranks).map { count * ($0 + 1) / ranks - count * $0 / ranks }
        let start = rows[..<communicator.rank].reduce(0, +)
        let own = try views.map { view in
            let leaf = try view.narrowed(dim: 0, start: start, length: rows[communicator.rank]).cloned()
            try leaf.setRequiresGradient(true)
            return leaf
        }
        let loss = try GatheredNTXent(rows: rows, temperature: temperature).loss(
            of: Tensor.concatenated(own, dim: 0).l2Normalized(dim: 1), over: communicator)
        try loss.backward()
        let total = try loss.detached().reshape([1]).cloned()
        try communicator.allReduceSum(total)
        var gradients: [String: Tensor] = [:]
        for (name, leaf) in zip(inputNames, own) {
            let gradient = try leaf.gradient ?? Tensor.zeros(leaf.shape, leaf.scalarType)
            gradients[name] = try communicator.gatherRows(gradient, rows: rows)
        }
        return try LossEvaluation(loss: total.item(), gradients: gradients)
    }
}

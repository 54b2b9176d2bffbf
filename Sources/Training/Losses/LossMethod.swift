import Contrastive
import Torch

/// A method's loss as a function of whole tensors, cut over the ranks of a communicator: what `murmur loss` runs, through
/// the same gathers and the same loss code as training.
public struct LossMethod: Sendable {
    /// What a loss is computed from on one worker.
    public struct Call {
        let tensors: [String: Tensor]
        let settings: LossSettings
        public let workers: any Workers

        /// This worker's part of an input, or all of one that is not cut.
        public subscript(name: String) -> Tensor {
            guard let tensor = tensors[name] else { preconditionFailure("the loss has no input '\(name)'") }
            return tensor
        }

        public func number(_ name: String) -> Double { settings.number(name) }

        public func choice<Choice: RawRepresentable<String>>(_ name: String) -> Choice {
            guard let choice = Choice(rawValue: settings.choice(name)) else {
                preconditionFailure("the loss has no choice '\(settings.choice(name))' for \(name)")
            }
            return choice
        }
    }

    public let name: String
    public let inputs: [LossInput]
    public let settings: [LossSetting]
    /// The least size of a dimension where that is not 1.
    let leastSizes: [String: Int]
    /// This worker's share of the loss.
    let share: @Sendable (Call) throws -> Tensor

    /// - Parameters:
    ///   - least: the least size of a dimension where that is not 1, for example `["N": 2]`.
    ///   - share: this worker's share of the loss; the shares sum to the loss.
    public init(
        _ name: String, inputs: [LossInput], settings: [LossSetting] = [], least: [String: Int] = [:],
        share: @escaping @Sendable (Call) throws -> Tensor
    ) {
        self.name = name
        self.inputs = inputs
        self.settings = settings
        leastSizes = least
        self.share = share
    }

    /// - Throws: `TrainingError` listing the methods there are.
    public static func named(_ name: String) throws -> LossMethod {
        guard let method = all.first(where: { $0.name == name }) else {
            let known = all.map(\.name).joined(separator: ", ")
            throw TrainingError.configuration("there is no loss '\(name)': choose one of \(known)")
        }
        return method
    }
}

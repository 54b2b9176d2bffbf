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

extension LossMethod {
    /// Evaluates the loss with the images cut over the ranks.
    ///
    /// - Parameters:
    ///   - inputs: whole tensors by name, the same on every rank.
    ///   - rows: images of each rank, in rank order; nil cuts them as evenly as possible.
    ///   - scalarType: what the loss is computed in.
    /// - Throws: `TrainingError` where an input does not fit, and what the loss and the collectives throw.
    public func evaluate(
        inputs tensors: [String: Tensor], settings: LossSettings, rows: [Int]? = nil,
        as scalarType: ScalarType = .float64, over communicator: Communicator
    ) throws -> LossEvaluation {
        let tensors = try checked(tensors, as: scalarType)
        let workers = CommunicatingWorkers(rows: rows ?? evenRows(tensors, communicator.size), over: communicator)
        var own: [String: Tensor] = [:]
        for input in inputs {
            guard let tensor = tensors[input.name] else { continue }
            own[input.name] = try input.part(of: tensor, for: workers)
        }
        let loss = try share(Call(tensors: own, settings: settings, workers: workers))
        try loss.backward()
        var gradients: [String: Tensor] = [:]
        for input in inputs where input.role == .trained {
            guard let leaf = own[input.name] else { continue }
            let gradient = try leaf.gradient ?? Tensor.zeros(leaf.shape, leaf.scalarType)
            gradients[input.name] = try input.whole(of: gradient, over: workers)
        }
        return try LossEvaluation(loss: workers.sum(loss.detached().reshape([1])).item(), gradients: gradients)
    }

    private func evenRows(_ tensors: [String: Tensor], _ ranks: Int) -> [Int] {
        let counts = inputs.compactMap { input in
            input.imageDimension.flatMap { tensors[input.name]?.shape[$0] }
        }
        return evenCounts(counts.first ?? 0, over: ranks)
    }
}

extension LossInput {
    /// This worker's images of a whole tensor, as a leaf of its own.
    fileprivate func part(of tensor: Tensor, for workers: any Workers) throws -> Tensor {
        var part = tensor
        if let imageDimension {
            let rows = workers.ownRows
            part = try tensor.narrowed(dim: imageDimension, start: rows.lowerBound, length: rows.count)
        }
        part = try part.contiguous().cloned()
        if role == .trained { try part.setRequiresGradient(true) }
        return part
    }

    /// The gradient of the whole tensor from those of the workers' parts.
    fileprivate func whole(of gradient: Tensor, over workers: any Workers) throws -> Tensor {
        guard let imageDimension else { return try workers.sum(gradient) }
        return try workers.gather(gradient.transposed(0, imageDimension)).transposed(0, imageDimension).contiguous()
    }
}

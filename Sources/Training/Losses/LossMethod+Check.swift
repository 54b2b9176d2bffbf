import Contrastive
import Torch

extension LossMethod {
    /// The inputs out of a file's tensors, floating-point numbers as `scalarType`. Tensors of other names are left alone.
    ///
    /// - Throws: `TrainingError` with one line for an input that is missing, has another type or shape than the loss needs
    ///   or values that it is not defined for.
    public func checked(_ tensors: [String: Tensor], as scalarType: ScalarType = .float64) throws -> [String: Tensor] {
        var sizes: [String: Int] = [:]
        var result: [String: Tensor] = [:]
        for input in inputs {
            guard let tensor = tensors[input.name] else {
                let all = inputs.map { "\($0.name) \($0.shapeText)" }.joined(separator: ", ")
                throw TrainingError.configuration("loss \(name) needs \(all): '\(input.name)' is missing")
            }
            try checkType(of: tensor, input)
            try checkShape(of: tensor, input, &sizes)
            result[input.name] = try input.role == .clusters ? tensor : tensor.converted(to: scalarType)
        }
        for input in inputs {
            guard let tensor = result[input.name] else { continue }
            switch input.role {
            case .trained, .constant: try checkFinite(tensor, input)
            case .clusters: try checkClusters(tensor, input, count: sizes["K"] ?? 0)
            }
        }
        return result
    }

    private func checkType(of tensor: Tensor, _ input: LossInput) throws {
        let type = tensor.scalarType
        let fits: Bool
        switch input.role {
        case .trained, .constant: fits = [.float16, .bfloat16, .float32, .float64].contains(type)
        case .clusters: fits = type == .int64
        }
        guard fits else {
            let expected = input.role == .clusters ? "int64" : "floating-point numbers"
            throw TrainingError.configuration("loss \(name): '\(input.name)' is \(type), it must be \(expected)")
        }
    }

    /// Checks the shape against the sizes that inputs before it gave to its dimensions, and adds its own.
    private func checkShape(of tensor: Tensor, _ input: LossInput, _ sizes: inout [String: Int]) throws {
        func fail(_ cause: String) -> TrainingError {
            .configuration("loss \(name): '\(input.name)' is \(tensor.shape), it must be \(input.shapeText)\(cause)")
        }
        guard tensor.dimensions == input.dimensions.count else { throw fail("") }
        for (dimension, size) in zip(input.dimensions, tensor.shape) {
            if let known = sizes[dimension], known != size { throw fail(" with \(dimension) = \(known) as before") }
            let least = leastSizes[dimension] ?? 1
            guard size >= least else { throw fail(" with \(dimension) at least \(least)") }
            sizes[dimension] = size
        }
    }

    private func checkFinite(_ tensor: Tensor, _ input: LossInput) throws {
        guard try tensor.abs().amax(dims: Array(0..<tensor.dimensions)).item().isFinite else {
            throw TrainingError.configuration("loss \(name): '\(input.name)' has values that are not finite")
        }
    }

    private func checkClusters(_ tensor: Tensor, _ input: LossInput, count: Int) throws {
        let range = 0..<Int64(count)
        guard let wrong = try tensor.int64s().first(where: { $0 != unassigned && !range.contains($0) }) else { return }
        throw TrainingError.configuration(
            "loss \(name): '\(input.name)' has \(wrong), it must be from 0 to \(count - 1), or \(unassigned) for none")
    }
}

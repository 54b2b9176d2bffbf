import Torch

extension Layer {
    /// All parameters and buffers in the order and under the names of PyTorch's `state_dict`.
    ///
    /// The tensors are the model's own, not copies: writing to them in place changes the model.
    public var state: [NamedTensor] {
        ownParameters.map { NamedTensor(name: $0.name, tensor: $0.tensor) } + ownBuffers
            + children.flatMap { child in child.layer.state.map { $0.prefixed(child.name) } }
    }

    /// Copies `tensors` into the model by name, converting the scalar type where it differs.
    ///
    /// Throws `ContrastiveError` before anything is changed when a name is missing, unknown or given twice, or when a
    /// shape differs.
    public func load(_ tensors: [NamedTensor]) throws {
        try copy(tensors, into: state, of: "model")
    }
}

/// Copies the tensors of `source` into those of `target` with the same names; all or nothing.
func copy(_ source: [NamedTensor], into target: [NamedTensor], of place: String) throws {
    var given: [String: Tensor] = [:]
    for entry in source where given.updateValue(entry.tensor, forKey: entry.name) != nil {
        throw ContrastiveError(.state, in: place, "'\(entry.name)' is given twice")
    }
    for entry in target {
        guard let tensor = given.removeValue(forKey: entry.name) else {
            throw ContrastiveError(.state, in: place, "'\(entry.name)' \(entry.tensor.shape) is missing")
        }
        guard tensor.shape == entry.tensor.shape else {
            throw ContrastiveError(
                .state, in: place, "'\(entry.name)' has shape \(tensor.shape), expected \(entry.tensor.shape)")
        }
    }
    if let unknown = given.keys.min() {
        throw ContrastiveError(.state, in: place, "'\(unknown)' is not one of its tensors")
    }
    let byName = Dictionary(uniqueKeysWithValues: source.map { ($0.name, $0.tensor) })
    try withoutGradient {
        for entry in target {
            if let tensor = byName[entry.name] { try entry.tensor.copyInPlace(from: tensor) }
        }
    }
}

import CTorch

/// An operation whose forward and backward are Swift closures, as one node of the autograd graph.
///
/// - Parameters:
///   - name: for error messages.
///   - inputs: the tensors that gradient may flow to.
///   - forward: computes the outputs; called once, at once, with recording switched off.
///   - backward: called by `Tensor.backward` on its thread with one gradient per output (nil: the output was not used),
///     recording switched off; returns one gradient per input (nil: none). It may block, for example to communicate.
///     It is released together with all it captures as soon as backward has run, unless the graph is retained, or with
///     the last output. It must not capture an output, which holds the graph and with it this closure: capture
///     `output.detached()`.
/// - Throws: what `forward` throws, as it is. What `backward` throws comes out of `Tensor.backward`, as it is.
public func customFunction(
    _ name: String, inputs: [Tensor], forward: () throws -> [Tensor],
    backward: @escaping ([Tensor?]) throws -> [Tensor?]
) throws -> [Tensor] {
    let outputs = try withoutGradient(forward)
    let node = BackwardNode(name: name, inputCount: inputs.count, backward: backward)
    let closure = ct_closure(
        context: Unmanaged.passRetained(node).toOpaque(), backward: runBackward,
        release: { context in
            if let context { Unmanaged<BackwardNode>.fromOpaque(context).release() }
        },
        release_error: { error in
            if let error { Unmanaged<ErrorBox>.fromOpaque(error).release() }
        })
    var tied = [OpaquePointer?](repeating: nil, count: outputs.count)
    try check(name, inputs + outputs) {
        ct_custom_function(inputs.handles, inputs.count, outputs.handles, outputs.count, closure, &tied)
    }
    return tied.compactMap { $0.map(Tensor.init(owning:)) }
}

private final class BackwardNode {
    let name: String
    let inputCount: Int
    let backward: ([Tensor?]) throws -> [Tensor?]

    init(name: String, inputCount: Int, backward: @escaping ([Tensor?]) throws -> [Tensor?]) {
        self.name = name
        self.inputCount = inputCount
        self.backward = backward
    }

    func run(_ gradients: [Tensor?]) throws -> [Tensor?] {
        let results = try withoutGradient { try backward(gradients) }
        guard results.count == inputCount else {
            throw TorchError(
                name, gradients,
                reason: "backward returned \(results.count) gradients for \(inputCount) inputs")
        }
        return results
    }
}

/// Runs a node's closure for libtorch; a thrown error goes back as a retained `ErrorBox`.
private func runBackward(
    context: UnsafeMutableRawPointer, gradients: UnsafePointer<OpaquePointer?>, gradientCount: Int,
    results: UnsafeMutablePointer<OpaquePointer?>
) -> UnsafeMutableRawPointer? {
    let node = Unmanaged<BackwardNode>.fromOpaque(context).takeUnretainedValue()
    let outputGradients = (0..<gradientCount).map { gradients[$0].map(Tensor.init(owning:)) }
    do {
        for (index, gradient) in try node.run(outputGradients).enumerated() {
            results[index] = gradient.flatMap { ct_share($0.handle) }
        }
        return nil
    } catch {
        return ErrorBox.retained(error)
    }
}

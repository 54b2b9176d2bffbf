import Torch

/// The checks of what a loss is given. Each throws a `ContrastiveError` with the loss's name.
struct LossCheck {
    let place: String

    init(_ place: String) {
        self.place = place
    }

    func positive(_ value: Double, _ name: String) throws {
        guard value > 0, value.isFinite else {
            throw ContrastiveError(.value, in: place, "\(name) is \(value), it must be above 0")
        }
    }

    func notNegative(_ value: Double, _ name: String) throws {
        guard value >= 0, value.isFinite else {
            throw ContrastiveError(.value, in: place, "\(name) is \(value), it must be at least 0")
        }
    }

    /// A step must have so many images over all workers.
    func images(of workers: any Workers, atLeast least: Int = 1) throws {
        guard workers.imageCount >= least else {
            throw ContrastiveError(
                .value, in: place, "the step has \(workers.imageCount) images, the loss needs at least \(least)")
        }
    }

    /// All have the first one's shape and type: [n, …] with `dimensions` dimensions, none but the first of them 0, n
    /// being this worker's images.
    func rows(_ tensors: [(name: String, tensor: Tensor)], dimensions: Int = 2, over workers: any Workers) throws {
        let shape = tensors[0].tensor.shape
        let fits =
            shape.count == dimensions && shape[0] == workers.rows[workers.rank] && !shape.dropFirst().contains(0)
            && tensors.allSatisfy { $0.tensor.shape == shape }
        guard fits else {
            throw ContrastiveError(
                .shape, in: place,
                "\(list(tensors)) do not fit; expected \(dimensions) dimensions, one shape, and a row for each of this "
                    + "worker's \(workers.rows[workers.rank]) images")
        }
        try types(tensors)
    }

    /// `keys` [K, D] with K of at least 1 and D and type those of `rows` [n, D, …].
    func keys(_ keys: (name: String, tensor: Tensor), for rows: (name: String, tensor: Tensor)) throws {
        let shape = keys.tensor.shape
        guard shape.count == 2, shape[0] > 0, shape[1] == rows.tensor.shape[1] else {
            throw ContrastiveError(
                .shape, in: place,
                "\(list([keys, rows])) do not fit; expected [K, \(rows.tensor.shape[1])], K at least 1"
            )
        }
        try types([rows, keys])
    }

    private func types(_ tensors: [(name: String, tensor: Tensor)]) throws {
        let type = tensors[0].tensor.scalarType
        guard type == .float32 || type == .float64, tensors.allSatisfy({ $0.tensor.scalarType == type }) else {
            let types = tensors.map { "\($0.name) \($0.tensor.scalarType)" }.joined(separator: ", ")
            throw ContrastiveError(.shape, in: place, "\(types): all must be float32, or all float64")
        }
    }

    private func list(_ tensors: [(name: String, tensor: Tensor)]) -> String {
        tensors.map { "\($0.name) \($0.tensor.shape)" }.joined(separator: ", ")
    }
}

extension Workers {
    /// This worker's part of the step's images: what it counts of a quantity that all workers compute alike.
    var ownFraction: Double { Double(rows[rank]) / Double(imageCount) }
}

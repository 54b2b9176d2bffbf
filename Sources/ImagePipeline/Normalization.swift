/// What is subtracted from and divided out of each channel, on a scale where samples are in 0…1.
public struct Normalization: Equatable, Sendable {
    /// One number a channel.
    public var mean: [Float]
    /// One positive number a channel.
    public var std: [Float]

    public init(mean: [Float], std: [Float]) {
        self.mean = mean
        self.std = std
    }

    public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    public static let cifar10 = Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616])
    public static let fashionMNIST = Normalization(mean: [0.2860], std: [0.3530])

    /// Leaves samples in 0…1 as they are.
    public static func none(channels: Int) -> Normalization {
        Normalization(mean: Array(repeating: 0, count: channels), std: Array(repeating: 1, count: channels))
    }
}

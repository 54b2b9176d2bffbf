import Torch

/// SimSiam: BYOL without the moving copy; the stopped gradient alone keeps it from collapsing.
///
///     zᵢ = g(f(xᵢ))      pᵢ = h(zᵢ)      loss = −½·(cos(p₁, sg(z₂)) + cos(p₂, sg(z₁)))
///
/// Nothing crosses the workers but the statistics of batch normalisation. The predictor keeps the peak learning rate.
///
/// Source: Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021; facebookresearch/simsiam.
public final class SimSiam: Method {
    public let network: Network
    private let encoder: any Encoder
    private let projector: MLPHead
    private let predictor: MLPHead
    private let peakRate: Double

    /// - Parameter peakRate: the learning rate of the predictor in all steps.
    public init(encoder: any Encoder, projector: MLPHead, predictor: MLPHead, peakRate: Double) throws {
        network = try Network(encoder: encoder, heads: [("projector", projector), ("predictor", predictor)])
        self.encoder = encoder
        self.projector = projector
        self.predictor = predictor
        self.peakRate = peakRate
    }

    /// The last layer is normalised, without scale and shift.
    public static func projector(layers: Int = 3, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: layers, hidden: hidden, outputs: outputs, outputNorm: BatchNorm.Affine.none)
    }

    public static func predictor(hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(hidden: hidden, outputs: outputs, outputBias: true)
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let outputs = try views.prefix(2).map { view in
            try step.forward([view], shuffled: false) { [encoder, projector, predictor] images, mode in
                let z = try projector.forward(encoder.forward(images, mode: mode), mode: mode)
                return [try predictor.forward(z, mode: mode), try z.detached()]
            }[0]
        }
        let share = try simSiam(
            outputs[0][0].wide, outputs[1][0].wide, outputs[0][1].wide, outputs[1][1].wide, over: step.workers)
        return MethodLoss(share: share, embeddings: outputs.map { $0[1] })
    }

    public func learningRate(of parameter: Parameter, scheduled rate: Double, in step: any MethodStep) -> Double? {
        parameter.name.hasPrefix("predictor.") ? peakRate : rate
    }
}

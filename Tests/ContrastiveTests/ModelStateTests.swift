import Contrastive
import Testing
import Torch

@Suite struct ModelStateTests {
    @Test func stateMovesExactlyFromOneModelToAnother() throws {
        let (source, target) = (try SimCLRTests.network(seed: 1), try SimCLRTests.network(seed: 2))
        try fill(source.encoder)
        try target.load(source.state)
        for (a, b) in zip(source.state, target.state) {
            #expect(a.name == b.name)
            #expect(try values(a.tensor) == values(b.tensor), "\(a.name)")
        }
        #expect(target.parameters.allSatisfy { $0.tensor.requiresGradient })
        let images = try waves([2, 1, 12, 12], 0)
        #expect(
            try values(source.forward(images, mode: .inference)) == values(target.forward(images, mode: .inference)))
    }

    @Test func stateIsConvertedToTheModelsScalarType() throws {
        let (source, target) = (try SimCLRTests.network(seed: 1, type: .float32), try SimCLRTests.network(seed: 2))
        try target.load(source.state)
        #expect(target.state[0].tensor.scalarType == .float64)
        #expect(try values(source.state[0].tensor) == values(target.state[0].tensor))
    }

    @Test func anIncompleteOrForeignStateChangesNothing() throws {
        let (source, target) = (try SimCLRTests.network(seed: 1), try SimCLRTests.network(seed: 2))
        let before = try target.state.map { try values($0.tensor) }
        let state = source.state
        let wrongShape = NamedTensor(name: state[0].name, tensor: try Tensor.zeros([1]))
        let unknown = NamedTensor(name: "fc.weight", tensor: try Tensor.zeros([1]))
        for wrong in [Array(state.dropLast()), state + [unknown], state + [state[0]], [wrongShape] + state.dropFirst()]
        {
            #expect(throws: ContrastiveError.self) { try target.load(wrong) }
        }
        #expect(try target.state.map { try values($0.tensor) } == before)
    }
}

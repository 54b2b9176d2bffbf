import Testing
import Torch

struct Refused: Error, Equatable {
    let place: String
}

@Suite struct CustomFunctionTests {
    @Test func gradientsFlowThroughTheClosures() throws {
        let x = try Tensor([1.0, 2.0, 3.0], shape: [3])
        let y = try Tensor([4.0, 5.0, 6.0], shape: [3])
        try x.setRequiresGradient(true)
        try y.setRequiresGradient(true)
        let product = try customFunction("product", inputs: [x, y]) {
            [try x * y]
        } backward: { gradients in
            guard let gradient = gradients[0] else { return [nil, nil] }
            return [try gradient * y, try gradient * x]
        }[0]
        #expect(try product.doubles() == [4, 10, 18])
        try product.sum().backward()
        #expect(try x.gradient?.doubles() == [4, 5, 6])
        #expect(try y.gradient?.doubles() == [1, 2, 3])
    }

    @Test func anErrorInBackwardComesOutOfBackwardAsItself() throws {
        let x = try Tensor([1.0], shape: [1])
        try x.setRequiresGradient(true)
        let y = try customFunction("refusing", inputs: [x]) {
            [try x * 2]
        } backward: { _ in
            throw Refused(place: "backward")
        }[0]
        #expect(throws: Refused(place: "backward")) { try y.sum().backward() }
    }

    @Test func anErrorInForwardComesOutAsItself() throws {
        let x = try Tensor([1.0], shape: [1])
        #expect(throws: Refused(place: "forward")) {
            _ = try customFunction("refusing", inputs: [x]) {
                throw Refused(place: "forward")
            } backward: { _ in
                [nil]
            }
        }
    }
}

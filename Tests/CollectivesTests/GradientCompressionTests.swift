import Collectives
import Testing

@Suite struct GradientCompressionTests {
    @Test func whatIsWrittenIsRead() throws {
        for compression in GradientCompression.allCases + compressions {
            #expect(try GradientCompression(parsing: compression.description) == compression)
        }
        #expect(try GradientCompression(parsing: "topk:1e-3") == .topK(fraction: 0.001))
    }

    @Test(arguments: [
        ("", "choose one of none, float16, bfloat16, int8, topk:<fraction>, powersgd:<rank>"),
        ("zip", "choose one of"), ("int8:4", "choose one of"), ("none:", "choose one of"),
        ("topk", "as in topk:0.01"), ("topk:", "as in topk:0.01"), ("topk:0", "as in topk:0.01"),
        ("topk:1.5", "as in topk:0.01"), ("topk:nan", "as in topk:0.01"), ("topk:-inf", "as in topk:0.01"),
        ("powersgd", "as in powersgd:4"), ("powersgd:0", "as in powersgd:4"), ("powersgd:2.5", "as in powersgd:4"),
        ("powersgd:99999999999999999999", "as in powersgd:4"), ("top\nk", "choose one of"),
    ])
    func mistakesGetOneLine(text: String, remedy: String) {
        let error = #expect(throws: GradientCompressionError.self) { try GradientCompression(parsing: text) }
        let line = error?.description ?? ""
        #expect(line.hasPrefix("gradient compression \"") && line.contains(remedy) && !line.contains("\n"), "\(line)")
    }

    /// One matrix of 40 rows and 50 columns and 48 other elements over four ranks: what a rank sends.
    @Test(arguments: [
        (GradientCompression.none, 2 * 8192 * 3 / 4), (.float16, 8192 * 3 / 4), (.bfloat16, 8192 * 3 / 4),
        // Eight blocks, two for each rank, of 4 + 256 bytes.
        (.int8, 2 * (8 * 260) * 3 / 4),
        // 21 indices and values of each rank.
        (.topK(fraction: 0.01), 4 * 21 * 8 * 3 / 4),
        (.powerSGD(rank: 4), 2 * (4 * (4 * 40 + 48)) * 3 / 4 + 2 * (4 * 4 * 50) * 3 / 4),
        // The factors would be larger than the matrix.
        (.powerSGD(rank: 30), 2 * 8192 * 3 / 4),
    ])
    func trafficIsCountedByTheFormula(compression: GradientCompression, bytes: Int) throws {
        let traffic = try withRanks(4) { communicator in
            let layout = GradientLayout(
                count: 2048, matrices: [GradientLayout.Matrix(rows: 40, columns: 50, offset: 48)])
            let compressor = compression.makeCompressor(layout: layout, seed: 1)
            var values = [Float](repeating: 1, count: 2048)
            try values.withUnsafeMutableBufferPointer { try compressor.allReduceSum($0, over: communicator) }
            return compressor.traffic
        }[0]
        #expect(traffic.sentBytes == bytes)
        #expect(traffic.uncompressedBytes == 2 * 8192 * 3 / 4)
    }
}

import Runtime
import Testing

@Suite struct BenchedValuesTests {
    @Test(arguments: [1, 3, 1021, 1022, 5000], [0, 7, 1020, 4000])
    func whatIsWrittenHasNoDifferenceAndAnyChangeIsFound(count: Int, first: Int) {
        let values = BenchedValues(factor: 3, addend: 5)
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: count + 2)
        defer { buffer.deallocate() }
        buffer.initialize(repeating: -1)
        let part = buffer[1...count]
        values.write(from: first, to: part)
        #expect(buffer[0] == -1 && buffer[count + 1] == -1)
        for index in 0..<count where part[index + 1] != Float(3 * ((first + index) % 1021) + 5) {
            Issue.record("element \(index) is \(part[index + 1])")
        }
        #expect(values.firstDifference(from: first, in: part) == nil)
        for wrong in Set([1, (count + 1) / 2, count]) {
            let right = buffer[wrong]
            buffer[wrong] = right + 1
            #expect(values.firstDifference(from: first, in: part) == wrong)
            buffer[wrong] = .nan
            #expect(values.firstDifference(from: first, in: part) == wrong)
            buffer[wrong] = right
        }
        #expect(values.firstDifference(from: first, in: buffer[...]) == 0)
    }
}

import Foundation
import ImageData
import Testing

@Suite struct ShapesDatasetTests {
  private let set = ShapesDataset(count: 400, seed: 7, split: .train)

  @Test func imagesDependOnSeedSplitAndIndexOnly() {
    let again = ShapesDataset(count: 50, seed: 7, split: .train)
    #expect(set.image(at: 33) == again.image(at: 33))
    #expect(set.image(at: 33) != set.image(at: 43))
    #expect(set.image(at: 33) != ShapesDataset(count: 50, seed: 8, split: .train).image(at: 33))
    #expect(
      set.image(at: 33) != ShapesDataset(count: 50, seed: 7, split: .validation).image(at: 33))
  }

  @Test func everyClassAppearsEquallyOften() {
    #expect(set.classNames.count == 10)
    #expect(Set(set.classNames).count == 10)
    var counts = [Int](repeating: 0, count: 10)
    for index in 0..<set.count { counts[set.label(at: index)] += 1 }
    #expect(counts == [Int](repeating: 40, count: 10))
  }

  /// The mask is one object of 20 to 50 % of the side, whole within the picture.
  @Test func masksCoverOneObjectOfTheStatedSize() {
    for index in 0..<set.count {
      let mask = set.mask(at: index)
      #expect(mask.count == 64 * 64)
      #expect(mask.allSatisfy { $0 <= 1 })
      let covered = mask.indices.filter { mask[$0] == 1 }
      let columns = covered.map { $0 % 64 }
      let rows = covered.map { $0 / 64 }
      guard let left = columns.min(), let right = columns.max(), let top = rows.min(),
        let bottom = rows.max()
      else {
        Issue.record("mask \(index) is empty")
        continue
      }
      let extent = max(right - left, bottom - top) + 1
      // Outlines span 70 to 100 % of their circle, which is 19 to 33 pixels across; an edge pixel
      // counts when half of it is covered.
      #expect((13...34).contains(extent), "image \(index), \(extent) pixels")
      #expect(left > 0 && top > 0 && right < 63 && bottom < 63)
    }
  }

  /// What the mask calls object differs in colour from what surrounds it: mean distance in units
  /// of 0 to 255 between the mean colours of mask and background, over the set.
  @Test func objectsStandOutFromTheirBackground() {
    var total = 0.0
    for index in 0..<100 {
      let image = set.image(at: index)
      let mask = set.mask(at: index)
      var sums = [SIMD3<Double>(), SIMD3<Double>()]
      var counts = [0.0, 0.0]
      for (offset, inside) in mask.enumerated() {
        let pixel = image[offset % 64, offset / 64]
        sums[Int(inside)] += [Double(pixel.red), Double(pixel.green), Double(pixel.blue)]
        counts[Int(inside)] += 1
      }
      let gap = sums[0] / counts[0] - sums[1] / counts[1]
      total += (gap * gap).sum().squareRoot() / 100
    }
    #expect(total > 80, "mean distance \(total)")
  }

  /// Average masks of two classes differ by about their outlines: no class looks like another.
  @Test func silhouettesOfDifferentClassesAreDistinct() {
    // Each mask drawn into 24x24 over its own bounding box.
    func normalized(_ mask: [UInt8]) -> [Double] {
      let covered = mask.indices.filter { mask[$0] == 1 }
      let (left, right) = (covered.map { $0 % 64 }.min()!, covered.map { $0 % 64 }.max()!)
      let (top, bottom) = (covered.map { $0 / 64 }.min()!, covered.map { $0 / 64 }.max()!)
      return (0..<24 * 24).map { cell in
        let x = left + (cell % 24) * (right - left) / 23
        let y = top + (cell / 24) * (bottom - top) / 23
        return Double(mask[y * 64 + x])
      }
    }
    var means = [[Double]](repeating: [Double](repeating: 0, count: 576), count: 10)
    for index in 0..<set.count {
      for (cell, value) in normalized(set.mask(at: index)).enumerated() {
        means[set.label(at: index)][cell] += value / 40
      }
    }
    for a in 0..<10 {
      for b in 0..<a {
        let difference = zip(means[a], means[b]).map { abs($0 - $1) }.reduce(0, +) / 576
        #expect(difference > 0.08, "\(set.classNames[a]) and \(set.classNames[b])")
      }
    }
  }
}

/// The images that an attack may return: those within ε of the original image, sample by sample, and
/// within the range of pixels. All in units of 0 to 255.
public struct PixelBall: Hashable, Sendable {
  /// ε.
  public let radius: Double

  public init(radius: Double) {
    precondition(radius >= 0, "ε is \(radius)")
    self.radius = radius
  }

  /// x ← clip(x₀ + clip(x + α·sign(d) − x₀, ±ε), 0…255). Ghorbani et al. 2019, Algorithm 1.
  /// - Parameters:
  ///   - x: the iterate.
  ///   - direction: d, of which only the signs matter.
  ///   - stepSize: α.
  ///   - center: x₀.
  public func step(
    _ x: inout [Float], along direction: ArraySlice<Float>, stepSize: Double, around center: [UInt8]
  ) {
    precondition(x.count == center.count && direction.count == x.count, "samples of one image")
    let alpha = Float(stepSize)
    let first = direction.startIndex
    for sample in x.indices {
      let d = direction[first + sample]
      move(&x[sample], by: d > 0 ? alpha : d < 0 ? -alpha : 0, around: center[sample])
    }
  }

  /// One sample: x ← clip(x₀ + clip(x + change − x₀, ±ε), 0…255).
  @inline(__always)
  public func move(_ x: inout Float, by change: Float, around center: UInt8) {
    let (start, epsilon) = (Float(center), Float(radius))
    x = min(max(start + min(max(x + change - start, -epsilon), epsilon), 0), 255)
  }

  /// The iterate in 8 bits. Halves round away from the center; no change becomes larger than ε.
  public func rounded(_ x: [Float], around center: [UInt8]) -> [UInt8] {
    let most = Float(radius.rounded(.down))
    return x.indices.map { sample in
      let start = Float(center[sample])
      let change = min(max((x[sample] - start).rounded(), -most), most)
      return UInt8(min(max(start + change, 0), 255))
    }
  }

  /// ‖x − x₀‖∞ of images in 8 bits.
  public static func distance(_ x: [UInt8], _ center: [UInt8]) -> Int {
    zip(x, center).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
  }
}

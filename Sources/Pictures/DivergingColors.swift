import Foundation
import ImageData

/// The diverging map "cool to warm": both arms leave a light gray evenly in a polar form of CIELAB.
/// Moreland, "Diverging Color Maps for Scientific Visualization", 2009.
enum DivergingColors {
  private static let cool = Msh(red: 59, green: 76, blue: 192)
  private static let warm = Msh(red: 180, green: 4, blue: 38)
  /// Of the gray in the middle.
  private static let middleMagnitude = 88.0

  /// - Parameter position: 0 is cool, 0.5 the middle, 1 warm.
  static func coolWarm(at position: Double) -> Image.Pixel {
    let gray = Msh(
      magnitude: max(cool.magnitude, warm.magnitude, middleMagnitude), saturation: 0, hue: 0)
    let isCool = position < 0.5
    let end = isCool ? cool : warm
    // Gray has no hue of its own; it takes one that keeps the arm straight.
    let middle = Msh(magnitude: gray.magnitude, saturation: 0, hue: end.hue(towards: gray))
    let share = isCool ? 1 - 2 * position : 2 * position - 1
    return middle.mixed(with: end, share).color
  }
}

/// CIELAB in polar form: M = |(L, a, b)|, s the angle from the L axis, h that around it.
private struct Msh {
  var magnitude: Double
  var saturation: Double
  var hue: Double

  /// Of D65, Y = 100.
  private static let white = (x: 95.047, y: 100.0, z: 108.883)

  init(magnitude: Double, saturation: Double, hue: Double) {
    (self.magnitude, self.saturation, self.hue) = (magnitude, saturation, hue)
  }

  /// From sRGB.
  init(red: UInt8, green: UInt8, blue: UInt8) {
    let linear = [red, green, blue].map { sample -> Double in
      let value = Double(sample) / 255
      return value > 0.04045 ? pow((value + 0.055) / 1.055, 2.4) : value / 12.92
    }
    func sum(_ r: Double, _ g: Double, _ b: Double) -> Double {
      100 * (r * linear[0] + g * linear[1] + b * linear[2])
    }
    func curve(_ t: Double) -> Double { t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116 }
    let x = curve(sum(0.4124, 0.3576, 0.1805) / Self.white.x)
    let y = curve(sum(0.2126, 0.7152, 0.0722) / Self.white.y)
    let z = curve(sum(0.0193, 0.1192, 0.9505) / Self.white.z)
    let (l, a, b) = (116 * y - 16, 500 * (x - y), 200 * (y - z))
    magnitude = (l * l + a * a + b * b).squareRoot()
    saturation = acos(l / magnitude)
    hue = atan2(b, a)
  }

  var color: Image.Pixel {
    let l = magnitude * cos(saturation)
    let a = magnitude * sin(saturation) * cos(hue)
    let b = magnitude * sin(saturation) * sin(hue)
    func curve(_ t: Double) -> Double {
      t * t * t > 0.008856 ? t * t * t : (t - 16.0 / 116) / 7.787
    }
    let y = (l + 16) / 116
    let xyz = (
      x: curve(a / 500 + y) * Self.white.x / 100, y: curve(y) * Self.white.y / 100,
      z: curve(y - b / 200) * Self.white.z / 100
    )
    func sample(_ x: Double, _ y: Double, _ z: Double) -> UInt8 {
      let linear = x * xyz.x + y * xyz.y + z * xyz.z
      let value = linear > 0.0031308 ? 1.055 * pow(linear, 1 / 2.4) - 0.055 : 12.92 * linear
      return UInt8((255 * min(max(value, 0), 1)).rounded())
    }
    return Image.Pixel(
      red: sample(3.2406, -1.5372, -0.4986), green: sample(-0.9689, 1.8758, 0.0415),
      blue: sample(0.0557, -0.2040, 1.0570))
  }

  /// The hue that an unsaturated colour should have on the way to this one (Moreland, Listing 2).
  func hue(towards gray: Msh) -> Double {
    guard magnitude < gray.magnitude else { return hue }
    let difference = gray.magnitude * gray.magnitude - magnitude * magnitude
    let spin = saturation * difference.squareRoot() / (magnitude * sin(saturation))
    return hue > -.pi / 3 ? hue + spin : hue - spin
  }

  func mixed(with other: Msh, _ share: Double) -> Msh {
    func mix(_ a: Double, _ b: Double) -> Double { (1 - share) * a + share * b }
    return Msh(
      magnitude: mix(magnitude, other.magnitude), saturation: mix(saturation, other.saturation),
      hue: mix(hue, other.hue))
  }
}

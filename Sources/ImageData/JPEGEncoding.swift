import CTurboJPEG
import Foundation

extension Image {
  /// The image as a baseline JPEG file, chroma halved in both directions.
  /// - Parameter quality: libjpeg's, 1 to 100.
  /// - Precondition: neither side is longer than JPEG's 65,535 pixels.
  public func jpeg(quality: Int = 82) -> Data {
    precondition((1...100).contains(quality), "a JPEG quality of \(quality)")
    guard let encoder = tjInitCompress() else { preconditionFailure("no memory for TurboJPEG") }
    defer { tjDestroy(encoder) }
    var bytes: UnsafeMutablePointer<UInt8>?
    var count: UInt = 0
    let status = tjCompress2(
      encoder, pixels, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &bytes, &count,
      Int32(TJSAMP_420.rawValue), Int32(quality), TJFLAG_ACCURATEDCT)
    defer { tjFree(bytes) }
    // Size and quality are valid, so only our own mistake can fail here.
    guard status == 0, let bytes else {
      preconditionFailure(
        "TurboJPEG cannot write \(size): \(String(cString: tjGetErrorStr2(encoder)))")
    }
    return Data(bytes: bytes, count: Int(count))
  }
}

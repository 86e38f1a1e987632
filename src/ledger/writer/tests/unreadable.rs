//! Records that were written and cannot be read back.

use super::*;

#[test]
fn what_cannot_be_read_back_is_waited_for_no_longer() {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    sink.failing.store(true, Ordering::SeqCst);
    write(&writer, [1]);
    wait_until("the first is tried", || writer.counts().failures > 0);
    // These stay in the journal meanwhile.
    write(&writer, [2, 3, 4]);
    let segment = folder
        .path()
        .join(writer.node())
        .join("0000000000000001.segment");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(6).position(|bytes| bytes == b"000003");
    bytes[at.unwrap()] ^= 0xff;
    std::fs::write(&segment, bytes).unwrap();
    sink.failing.store(false, Ordering::SeqCst);
    assert!(writer.flush(SOON));
    assert_eq!(sink.ids(), ["000001", "000002", "000004"]);
    assert_eq!((writer.written(), writer.counts().stored), (4, 4));
    write(&writer, [5]);
    assert!(writer.flush(SOON));
    assert_eq!(sink.ids().len(), 4);
    assert_eq!(writer.stop(), 0);
}

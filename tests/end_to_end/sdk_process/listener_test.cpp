// Connections between programs that are not related, one of them Python.
#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>

#include "tasks.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace joinery::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

constexpr auto limit = 60s;

TEST(Listener, TakesConnectionsOverTcp) {
  Listener listener;
  EXPECT_THAT(listener.address(), StartsWith("tcp://127.0.0.1:"));
  joinery::Process process(program(), tasks().greet.bind(listener.address(), "hello"));
  process.start();
  auto connection = listener.accept(limit);
  EXPECT_EQ(connection.recv<std::string>(), "hello");
  EXPECT_THAT(listener.last_accepted(), StartsWith("tcp://127.0.0.1:"));
  EXPECT_THROW(connection.recv<int>(), EOFError);
}

TEST(Listener, TakesConnectionsAtAPathAndRemovesIt) {
  const TempDir dir;
  const std::string path = dir / "socket";
  {
    Listener listener("unix://" + path);
    auto client = connect(listener.address());
    auto server = listener.accept(limit);
    client.send(1);
    EXPECT_EQ(server.recv<int>(), 1);
    EXPECT_THROW(Listener("unix://" + path), OSError) << "taken";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listener, WaitsNoLongerThanItIsTold) {
  Listener listener;
  EXPECT_THROW(listener.accept(0ms), TimeoutError);
  EXPECT_THROW(listener.accept(-1s), TimeoutError);
  EXPECT_THROW(listener.accept(10ms), TimeoutError);
  listener.close();
  EXPECT_THROW(listener.accept(), ValueError);
}

TEST(Listener, SaysWhatIsWrongWithAnAddress) {
  EXPECT_THROW(connect("127.0.0.1:80"), ValueError);
  EXPECT_THROW(connect("tcp://nothing"), ValueError);
  EXPECT_THROW(connect("unix://"), ValueError);
  for (const std::string port : {"65536", "99999", "-1", "+80", "", "8o"}) {
    SCOPED_TRACE(port);
    const std::string wrong = "tcp://127.0.0.1:" + port;
    EXPECT_THROW(connect(wrong), ValueError);
    try {
      const Listener refused(wrong);
      ADD_FAILURE() << "it listens at " << refused.address();
    } catch (const ValueError& error) {
      EXPECT_EQ(error.what(), "address \"" + wrong + "\": port: expected 0 to 65535");
    }
  }
  Listener listener;
  const std::string address = listener.address();
  listener.close();
  try {
    connect(address);
    ADD_FAILURE() << "expected an OSError";
  } catch (const OSError& error) {
    EXPECT_EQ(error.number(), ECONNREFUSED);
  }
}

TEST(Listener, SpeaksWithPythonInBytes) {
  Listener listener;
  const std::string port = listener.address().substr(listener.address().rfind(':') + 1);
  testing::Process python({PYTHON, "-c",
                           "import sys\n"
                           "from multiprocessing.connection import Client\n"
                           "with Client(('127.0.0.1', int(sys.argv[1]))) as connection:\n"
                           "    text = connection.recv_bytes()\n"
                           "    connection.send_bytes(text.upper())\n"
                           "    connection.send_bytes(b'x' * 100000)\n",
                           port});
  auto connection = listener.accept(limit);
  connection.send_bytes("from c++");
  EXPECT_EQ(connection.recv_bytes(), "FROM C++");
  EXPECT_EQ(connection.recv_bytes(), std::string(100'000, 'x'));
  EXPECT_EQ(python.wait(), 0) << python.err();
}

}  // namespace
}  // namespace joinery::testing

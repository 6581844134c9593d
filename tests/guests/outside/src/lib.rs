//! A guest that asks for files, the network, settings and time, and says what it got.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use exports::test::outside::tasks::Guest;
use taskhost_task::{progress, warn};
use wasi::config::store;

mod fetch;
mod look;

taskhost_task::world!({ world: "test:outside/outside", path: ["../../../wit", "wit"], generate_all });

struct Outside;

fn text(error: impl Display) -> String {
    error.to_string()
}

impl Guest for Outside {
    fn read(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(text)
    }

    fn write(path: String, content: String) -> Result<(), String> {
        std::fs::write(path, content).map_err(text)
    }

    fn names(folder: String) -> Result<Vec<String>, String> {
        let entries = std::fs::read_dir(folder).map_err(text)?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(text)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn make_folder(path: String) -> Result<(), String> {
        std::fs::create_dir(path).map_err(text)
    }

    fn delete(path: String) -> Result<(), String> {
        std::fs::remove_file(path).map_err(text)
    }

    fn move_(path: String, new_path: String) -> Result<(), String> {
        std::fs::rename(path, new_path).map_err(text)
    }

    fn hard_link(path: String, new_path: String) -> Result<(), String> {
        std::fs::hard_link(path, new_path).map_err(text)
    }

    fn symbolic_link(target: String, path: String) -> Result<(), String> {
        fetch::symbolic_link(&target, &path)
    }

    fn exists(path: String) -> bool {
        std::fs::exists(path).unwrap_or(false)
    }

    fn open_many(path: String, times: u32) -> Result<u32, String> {
        let mut files = Vec::new();
        for _ in 0..times {
            files.push(std::fs::File::open(&path).map_err(text)?);
        }
        Ok(files.len() as u32)
    }

    fn talk(address: String, message: String) -> Result<String, String> {
        let mut stream = TcpStream::connect(address).map_err(text)?;
        stream.write_all(message.as_bytes()).map_err(text)?;
        stream.shutdown(std::net::Shutdown::Write).map_err(text)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(text)?;
        Ok(answer)
    }

    fn ask(address: String, message: String) -> Result<String, String> {
        let socket = UdpSocket::bind("0.0.0.0:0").map_err(text)?;
        socket.send_to(message.as_bytes(), address).map_err(text)?;
        let mut answer = [0; 512];
        let (length, _) = socket.recv_from(&mut answer).map_err(text)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    fn look_up(name: String) -> Result<Vec<String>, String> {
        Ok((&*name, 80).to_socket_addrs().map_err(text)?.map(|address| address.ip().to_string()).collect())
    }

    fn listen(address: String) -> Result<(), String> {
        TcpListener::bind(address).map(drop).map_err(text)
    }

    fn sockets(times: u32) -> Result<u32, String> {
        let mut sockets = Vec::new();
        for _ in 0..times {
            sockets.push(fetch::socket()?);
        }
        Ok(sockets.len() as u32)
    }

    fn fetch(method: String, url: String) -> Result<(u16, String), String> {
        fetch::fetch(&method, &url)
    }

    fn variable(name: String) -> Option<String> {
        std::env::var(name).ok()
    }

    fn variables() -> Vec<String> {
        std::env::vars().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn setting(key: String) -> Option<String> {
        store::get(&key).ok().flatten()
    }

    fn tell_setting(key: String, how: String) -> Result<String, String> {
        let value = store::get(&key).ok().flatten().unwrap_or_default();
        match &*how {
            "print" => {
                let (first, second) = value.split_at(value.len() / 2);
                print!("out {first}");
                std::io::stdout().flush().map_err(text)?;
                println!("{second}");
                eprintln!("err {value}");
                warn!("log {value}");
                progress(1, 2, &format!("progress {value}"));
                println!("{}{value}", "x".repeat(8190));
                Ok("told".to_owned())
            }
            "return" => Ok(format!("the value is {value}")),
            "fail" => Err(format!("not accepted: {value}")),
            "open" => Ok(format!("{:?}", std::fs::exists(format!("/{value}/x")).is_ok())),
            _ => panic!("the value is {value}"),
        }
    }

    fn clocks(wait: u32) -> (u64, u64) {
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(u64::from(wait)));
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (start.elapsed().as_nanos() as u64, wall.as_nanos() as u64)
    }

    fn random(count: u32) -> Vec<u8> {
        let mut bytes = vec![0; count as usize];
        let _ = getrandom::fill(&mut bytes);
        bytes
    }

    fn timers(waits: Vec<u32>) -> Vec<Vec<u32>> {
        look::timers(&waits)
    }

    fn look_at(folder: String) -> Result<Vec<String>, String> {
        look::at(&folder)
    }
}

export!(Outside);
